"""Everything that one NVIDIA GPU can tell, in one call of at most 8 minutes, unattended.

On a machine with CUDA, torch and no Ray, with the bundle of wheels that brings Ray along:

    source BUNDLE/setup.sh
    python -m benchmarks.gpu --save OUT --format json

Without a GPU it says so, measures nothing and ends with 0.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from benchmarks.common import Outcome, emit, parser, say
from benchmarks.gpu.parts import BUDGET_S, PARTS, function_of, run_parts

QUESTION = (
    "On one NVIDIA GPU: does the whole path through Ray Train hold, and how fast is it against the "
    "tutorial's code, a bare loop, and the device's own ceiling?"
)
DRY_RUN = "CPU DRY RUN in miniature: it shows that the parts run. No number here is a GPU's."
#: Parts of a dry run have so many times as long: the machine may be slow.
DRY_PATIENCE = 4.0
NO_GPU = "No NVIDIA GPU that torch can use is at hand: nothing was measured."


def main() -> int:
    """Run the benchmark; return the exit status."""
    made = parser("gpu", QUESTION)
    names = [part.name for part in PARTS]
    made.add_argument("--parts", nargs="+", choices=names, default=names, metavar="PART")
    made.add_argument("--budget-s", type=float, default=BUDGET_S, help="of all parts together")
    made.add_argument("--data-dir", type=Path, help="CIFAR-10; not given: a stand-in, no target")
    made.add_argument(
        "--dry-run-on-cpu", action="store_true", help="tiny sizes on the CPU, marked as such"
    )
    made.add_argument("--part", choices=names, help=argparse.SUPPRESS)
    made.add_argument("--part-answer", type=Path, help=argparse.SUPPRESS)
    made.add_argument("--part-limit-s", type=float, default=BUDGET_S, help=argparse.SUPPRESS)
    arguments = made.parse_args()
    if arguments.part is not None:
        return _one_part(arguments)
    if not arguments.dry_run_on_cpu and not _has_gpu():
        say(NO_GPU)
        emit(Outcome(benchmark="gpu", question=QUESTION, notes=(NO_GPU,)), arguments)
        return 0
    passed = ["--seed", str(arguments.seed)]
    passed += ["--dry-run-on-cpu"] if arguments.dry_run_on_cpu else []
    passed += ["--data-dir", str(arguments.data_dir.absolute())] if arguments.data_dir else []
    patience = DRY_PATIENCE if arguments.dry_run_on_cpu else 1.0
    answer = run_parts(arguments.parts, passed, arguments.budget_s, patience=patience)
    mark = (DRY_RUN,) if arguments.dry_run_on_cpu else ()
    data = "stand-in data" if arguments.data_dir is None else "real data"
    emit(
        Outcome(
            benchmark="gpu",
            question=QUESTION,
            comparisons=answer.comparisons,
            measures=answer.measures,
            notes=(*mark, *answer.notes, f"Our path: bf16, channels-last, {data}."),
        ),
        arguments,
    )
    return 1 if answer.num_failed else 0


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _one_part(arguments: argparse.Namespace) -> int:
    import torch

    from benchmarks.gpu.lab import FULL, MINIATURE, Lab, plain_values

    is_dry = arguments.dry_run_on_cpu
    lab = Lab(
        device=torch.device("cpu") if is_dry else torch.device("cuda", 0),
        sizes=MINIATURE if is_dry else FULL,
        seed=arguments.seed,
        data_dir=arguments.data_dir,
        deadline_s=time.monotonic() + arguments.part_limit_s * 0.85,
    )
    part = next(part for part in PARTS if part.name == arguments.part)
    found = function_of(part)(lab)
    arguments.part_answer.write_text(json.dumps(plain_values(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
