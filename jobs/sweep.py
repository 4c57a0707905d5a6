"""Run a sweep as a Ray job.

    ray job submit --address http://127.0.0.1:8265 --working-dir . -- \
        python jobs/sweep.py --config demo --results /shared/results world_sizes=[1,2,4,8]

The job's exit code is that of `ray-bench run`: 0 when every run finished. `ray job submit` itself
says 1 for any other. Results go to an absolute path or a URI: the job's working directory is a
copy that disappears.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# A cluster that has only the dependencies runs the copy that came with the job.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from ray_bench.cli.main import main


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", help="a YAML file or a preset; not needed with overrides alone")
    parser.add_argument("--results", required=True, help="absolute path, s3://... or gs://...")
    parser.add_argument("--resume", action="store_true", help="run only what is missing or failed")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="as for `ray-bench run`")
    parsed = parser.parse_args()
    if "://" not in parsed.results and not Path(parsed.results).is_absolute():
        parser.error(
            f"--results {parsed.results!r} is relative, but a job's working directory is deleted; "
            "give an absolute path or a URI"
        )
    return parsed


if __name__ == "__main__":
    args = arguments()
    config = [args.config] if args.config else []
    resume = ["--resume"] if args.resume else []
    main(["run", *config, *args.overrides, "--results", args.results, *resume])
