"""Stands for `python -m ray_bench run ...`: says its sweep, and goes on until it is let go.

What it does is read from the key `note`: `--note=steps`, `fail` or `wait`.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


words = sys.argv[1:]
note = next((x.removeprefix("--note=") for x in words if x.startswith("--note=")), "")
results = Path(next(x for x in words if x.startswith("--results=")).removeprefix("--results="))
resumed = next((x.removeprefix("--sweep=") for x in words if x.startswith("--sweep=")), None)
sweep_id = resumed or f"sweep-{os.getpid()}"
results.mkdir(parents=True, exist_ok=True)
own = {"words": words, "cwd": os.getcwd(), "environment": dict(os.environ), "pid": os.getpid()}
part = results / f".{sweep_id}"
part.write_text(json.dumps(own))
part.rename(results / f"{sweep_id}.json")


def end(number, frame):
    say("Stopped: 0 of 1 runs are kept.")
    sys.exit(130)


signal.signal(signal.SIGTERM, end)
say(f"Sweep {sweep_id} begins.")
if note == "fail":
    say("error: \x1b[31mit does not fit\x1b[0m.")
    sys.exit(1)
until = time.monotonic() + 60
while note == "wait" and time.monotonic() < until:
    if (results / "live" / f"{sweep_id}.stop").is_file():
        sys.exit(130)
    time.sleep(0.02)
say("done")
