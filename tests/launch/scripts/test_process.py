"""A script's process is ended with everything that it has started, however its worker goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ray_bench.attach.__main__ import _measure, _parser
from ray_bench.config.grid import points_of
from ray_bench.launch.scripts.process import ScriptProcess, command_of, environment_of
from tests.launch.scripts.ranks import asked

#: A child in a session of its own whose parent is gone, and one in the group of the script.
FORKS = """
import os, subprocess, sys, time
told, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("grandchild", os.getpid(), flush=True)
        os.write(tell, b".")
        time.sleep(60)
    os._exit(0)
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
print("child", child.pid, flush=True)
os.wait()
os.read(told, 1)  # the grandchild has printed: all goes when the script ends
time.sleep(END)
"""


def started(code: str) -> ScriptProcess:
    environment = environment_of({"RANK": "1"})
    return ScriptProcess([sys.executable, "-S", "-c", code], environment=environment, folder=".")


def wait_until(condition) -> None:
    end_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.02)


def pids(text: bytes) -> list[int]:
    return [int(word) for word in text.split() if word.isdigit()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.kill(os.getpid(), 11)", -11),
        ("import os; assert os.environ['RANK'] == '1' and os.environ['PYTHONFAULTHANDLER']", 0),
    ],
)
def test_a_script_ends_as_it_ends_alone(code, expected):
    process = started(code)
    assert process.wait(20) == expected
    process.close()


@pytest.mark.parametrize("ends_itself", [True, False])
def test_nothing_that_a_script_has_started_is_left(ends_itself):
    process = started(FORKS.replace("END", "0" if ends_itself else "60"))
    wait_until(lambda: len(pids(process.output.kept)) == 2)
    found = pids(process.output.kept)
    if not ends_itself:
        assert all(is_alive(pid) for pid in found)
        process.close()
        assert process.wait(0) == -signal.SIGTERM
    else:
        assert process.wait(20) == 0
        process.close()
    assert [pid for pid in found if is_alive(pid)] == []


def test_a_script_goes_with_its_worker(tmp_path):
    worker = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys, time\n"
            "from ray_bench.launch.scripts.process import ScriptProcess\n"
            "import os\n"
            "code = 'import os, sys, time; print(os.getpid(), flush=True); time.sleep(60)'\n"
            "process = ScriptProcess([sys.executable, '-S', '-c', code],"
            " environment=os.environ, folder='.')\n"
            "while not process.output.kept.endswith(b'\\n'): time.sleep(0.02)\n"
            "print(process.output.kept.decode(), flush=True)\n"
            "time.sleep(60)\n",
        ],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert worker.stdout is not None
    pid = int(worker.stdout.readline())
    assert is_alive(pid)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    wait_until(lambda: not is_alive(pid))


def test_ray_cannot_kill_the_guard_and_a_script_does_not_outlive_it():
    """Ray kills the children of a worker that ends, with SIGKILL."""
    process = started("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    wait_until(lambda: process.output.kept.endswith(b"\n"))
    (pid,) = pids(process.output.kept)
    guard = psutil.Process(pid).parent()
    assert guard is not None
    assert guard.pid not in {child.pid for child in psutil.Process().children()}
    guard.kill()
    assert process.wait(20) == -signal.SIGKILL
    wait_until(lambda: not is_alive(pid))
    process.close()


def test_a_script_that_is_asked_to_end_may_tidy_up():
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('tidy', flush=True), sys.exit(0)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = started(code)
    wait_until(lambda: b"ready" in process.output.kept)
    process.end()
    assert process.wait(20) == 0
    assert process.output.kept == b"ready\ntidy\n"
    process.close()


def test_what_is_asked_of_the_measurement_reaches_the_script():
    config = asked(Path("t.py"), "measure.block_s=1.5e-7", "measure.warmup_steps=3", "steps=9")
    command = command_of(config, points_of(config)[0], folder="own", run_dir="run")
    options = _parser().parse_args(command[3:])
    assert _measure(options) == config.measure
    assert (options.steps, options.results, options.script) == (9, "own", ["t.py"])
