"""Check within a minute that a cluster can run ray_bench: one short run on two workers.

ray job submit --address http://127.0.0.1:8265 --working-dir . -- python jobs/smoke.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

# A cluster that has only the dependencies runs the copy that came with the job.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from ray_bench.cli.entry import main

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ray_bench-smoke-") as results:
        main(["run", "workload=cnn-digits", "world_sizes=[2]", "epochs=1", "--results", results])
