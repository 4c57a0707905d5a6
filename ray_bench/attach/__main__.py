"""`torchrun ... -m ray_bench.attach [--results DIR] [--steps N] train.py ARGS`."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from ray_bench.attach import api
from ray_bench.attach.about import script_of
from ray_bench.attach.ending import EarlyEnd
from ray_bench.attach.hooks import listening
from ray_bench.attach.ranks import told_rank
from ray_bench.attach.script import run_script
from ray_bench.attach.session import Session, Wanted
from ray_bench.attach.summary import Summary, summary_of
from ray_bench.config.groups import MeasureConfig
from ray_bench.errors import RayBenchError

_ABOUT = """Measure a training script as it is: steps, samples and seconds of every rank.

The script is run unchanged, with whatever launcher it is run with. A step is one update of its
optimizer; samples are counted at its data loaders.
"""
_EXAMPLES = """examples:
  python -m ray_bench.attach train.py --batch-size 64
  torchrun --nproc-per-node 2 -m ray_bench.attach --steps 200 train.py --batch-size 64
  torchrun --nproc-per-node 2 -m ray_bench.attach -m package.train --batch-size 64
"""
_NO_UPDATE = (
    "no optimizer of torch made an update. Call ray_bench.step(num_samples=...) in the script "
    "after each step."
)


def main() -> None:
    """Run the script with a session beside it."""
    parser = _parser()
    options = parser.parse_args()
    if not options.script:
        parser.error("give a SCRIPT to run, e.g. `python -m ray_bench.attach train.py`")
    rank = told_rank()
    target, *arguments = options.script
    wanted = Wanted(
        num_steps=options.steps,
        measure=_measure(options),
        phase_steps=options.phase_steps,
        script=script_of(target, arguments, is_module=options.module),
    )
    session = Session(wanted, rank, Path(options.results).resolve() / "attached")
    api.listen(session)
    reason = "the script failed"
    error: BaseException | None = None
    try:
        with listening(session):
            run_script(target, arguments, is_module=options.module)
        reason = "the script ended"
    except EarlyEnd:
        raise
    except SystemExit as err:
        reason = "the script ended" if not err.code else f"the script ended with {err.code}"
        error = err if err.code else None
        raise
    except BaseException as err:
        error = err
        raise
    finally:
        session.close(reason, error)
        if rank.rank == 0 and not options.quiet:
            _say(session.folder, error)


def _measure(options: argparse.Namespace) -> MeasureConfig:
    return MeasureConfig(
        warmup_steps=options.warmup_steps, warmup_s=options.warmup_s, block_s=options.block_s
    )


def _say(folder: Path | None, error: BaseException | None) -> None:
    found = None if folder is None else summary_of(list(folder.glob("rank-*.jsonl")))
    if found is None and error is not None:
        sys.stderr.write(f"ray_bench: no step was timed: {_failed(error)}.\n")
        return
    if folder is None:
        sys.stderr.write(f"ray_bench: no step was timed: {_NO_UPDATE}\n")
        return
    where = "" if found is None else _where(folder)
    sys.stderr.write(f"ray_bench: {_words(found)}{where}\n")


def _failed(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the script ended by itself with {error.code}"
    return f"the script failed with {type(error).__name__}"


def _where(folder: Path) -> str:
    root = folder.parent.parent
    return f" Kept in {folder}. `ray-bench report {root}` makes a curve of the jobs there."


def _words(found: Summary | None) -> str:
    if found is None:
        return "no step was timed: too few updates of an optimizer after warm-up."
    rate = (
        "samples unknown" if found.samples_per_s is None else f"{found.samples_per_s:.4g} samples/s"
    )
    flags = f" ({', '.join(found.flags)})" if found.flags else ""
    return (
        f"{found.num_ranks} rank{'s' * (found.num_ranks > 1)}, {found.num_steps} steps of "
        f"{(found.step_time_s or 0) * 1e3:.4g} ms, {rate}{flags}."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ray_bench.attach",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--results", default="results", metavar="DIR")
    parser.add_argument(
        "--steps", type=_count, metavar="N", help="end after so many measured steps"
    )
    parser.add_argument(
        "--phase-steps",
        type=_count,
        default=20,
        metavar="N",
        help="with --steps: take so many more apart by phase (default 20)",
    )
    parser.add_argument("--warmup-steps", type=_count, default=11, metavar="N")
    parser.add_argument("--warmup-s", type=_seconds, default=2.0, metavar="S")
    parser.add_argument(
        "--block-s",
        type=_above_zero,
        default=0.25,
        metavar="S",
        help="a timed block lasts about so many seconds (default 0.25)",
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing at the end")
    parser.add_argument("-m", dest="module", action="store_true", help="SCRIPT is a module's name")
    parser.add_argument("script", nargs=argparse.REMAINDER, metavar="SCRIPT ...")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, got {text}")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of 0 or more, got {text}")
    return value


def _above_zero(text: str) -> float:
    value = _seconds(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be above 0")
    return value


if __name__ == "__main__":
    try:
        main()
    except RayBenchError as err:
        sys.exit(f"error: {err}")
