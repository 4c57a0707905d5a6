"""Run a sweep as a Ray job; takes what `ray-bench run` takes.

    ray job submit --address http://127.0.0.1:8265 --working-dir . -- \
        python jobs/sweep.py demo --results /shared/results 'world_sizes=[1,2,4,8]'

The job's exit code is that of `ray-bench run`; `ray job submit` itself says 1 for any failure.
`ray-bench submit` does the same from any folder, finds the cluster's Python and keeps the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

# A cluster that has only the dependencies runs the copy that came with the job.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from ray_bench.cli.entry import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
