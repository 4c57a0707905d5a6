"""What do our instruments cost? Our loop, and the phase pass, over a bare DDP loop."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import (
    ROOT,
    Aim,
    Comparison,
    Outcome,
    emit,
    grid_arguments,
    parser,
    positive,
    say,
)

QUESTION = (
    "Step time with our instruments over that of a bare loop on the same model (forward, backward, "
    "optimizer, nothing else), in one process group, taking turns."
)
AIM = Aim(bound="at most", value=1.01)
BATCH_SIZES = {"resnet18-cifar10": 16, "cnn-mnist": 128}
LIMIT_S = 1200


def compare(
    workload: str, world_size: int, arguments: argparse.Namespace
) -> tuple[Comparison, Comparison]:
    """Return throughput pass over bare, and phase pass over bare."""
    from benchmarks.own_path import ENDLESS_STEPS, config_of, job_of

    name = f"{workload}, {world_size} worker{'s' if world_size > 1 else ''}"
    say(name)
    config = config_of(
        workload,
        world_size,
        data_dir=arguments.data_dir,
        overrides=[
            f"batch_size={arguments.batch_size or BATCH_SIZES.get(workload, 32)}",
            f"precision={arguments.precision}",
            f"measure.block_s={arguments.turn_s}",
            f"measure.phase_steps={arguments.phase_steps}",
            "measure.sync_pairs=0",
            "measure.noise_steps=0",
            "measure.checkpoint=false",
            f"steps={ENDLESS_STEPS}",
        ],
    )
    found = _run(
        {
            **job_of(config, is_ddp=world_size > 1),
            "rounds": arguments.rounds,
            "seed": arguments.seed,
        },
        world_size,
    )
    wrap = "DDP" if world_size > 1 else "plain"
    return (
        Comparison(
            name=f"throughput pass: {name} ({wrap})",
            top="our loop",
            bottom="bare",
            unit="s/step",
            pairs=tuple((ours, bare) for ours, bare in found["throughput"]),
            aim=AIM,
        ),
        Comparison(
            name=f"phase pass: {name} ({wrap})",
            top="phase pass",
            bottom="bare",
            unit="s/step",
            pairs=tuple((ours, bare) for ours, bare in found["phases"]),
        ),
    )


def _run(job: dict[str, object], world_size: int) -> dict[str, list[tuple[float, float]]]:
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:
        job_file, answer = Path(folder) / "job.json", Path(folder) / "answer.json"
        job_file.write_text(json.dumps({**job, "answer": str(answer)}))
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={world_size}", "--module", "benchmarks.instruments_rank"]
        done = subprocess.run(
            [*command, str(job_file)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"The ranks failed:\n{done.stderr[-3000:]}")
        found: dict[str, list[tuple[float, float]]] = json.loads(answer.read_text())
    return found


def main() -> None:
    """Run the benchmark."""
    made = parser("instruments", QUESTION)
    grid_arguments(made, BATCH_SIZES)
    made.add_argument("--rounds", type=positive, default=20, help="turns of each loop")
    made.add_argument("--turn-s", type=float, default=1.0, help="a turn lasts about so long")
    made.add_argument("--phase-steps", type=positive, default=40, help="each with a bare step")
    arguments = made.parse_args()
    comparisons = [
        comparison
        for workload in arguments.workloads
        for world_size in arguments.world_sizes
        for comparison in compare(workload, world_size, arguments)
    ]
    emit(
        Outcome(
            benchmark="instruments",
            question=QUESTION,
            comparisons=tuple(comparisons),
            notes=(
                "One thread a rank. Our loop also adds up loss and accuracy, sets the learning "
                "rate and checks the loss; all of that counts as the instruments' cost.",
                "Both loops train one model with one optimizer; the bare one beside the phase "
                "pass, which ends DDP, has a copy. The phase pass is compared step by step; the "
                "slowest rank counts.",
            ),
        ),
        arguments,
    )


if __name__ == "__main__":
    main()
