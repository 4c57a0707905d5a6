"""Does Ray cost anything per step? The same training under ray_bench and under plain torchrun."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.common import (
    Aim,
    Comparison,
    Measure,
    Outcome,
    emit,
    grid_arguments,
    in_words,
    parser,
    positive,
    say,
)
from benchmarks.turns import Arm, ArmSpec, arms_of, play

QUESTION = (
    "Step time of the same training under ray_bench (TorchTrainer through Ray) over plain "
    "torchrun. Both are alive at once and take turns; the one that waits is stopped."
)
OURS, PLAIN = "ray_bench", "torchrun"
AIM = Aim(bound="at most", value=1.02)
_LOOPS = {
    "same": "Both arms run the same training function; benchmarks.instruments compares its loop "
    "with a bare one.",
    "bare": "The arm of ray_bench also adds up loss and accuracy, sets the learning rate and "
    "checks the loss, as its loop does; the plain loop does nothing but the step.",
}
#: A worker's batch: steps of 20 to 500 ms on one core.
BATCH_SIZES = {"resnet18-cifar10": 16, "cnn-mnist": 128}


def specs(
    workload: str, world_size: int, arguments: argparse.Namespace, extra: tuple[str, ...] = ()
) -> list[ArmSpec]:
    """Return both arms of one comparison: same data, seeds, threads, niceness, DDP arguments."""
    from benchmarks.own_path import ENDLESS_STEPS, ONLY_THROUGHPUT, config_of, job_of

    batch = arguments.batch_size or BATCH_SIZES.get(workload, 32)
    environment = {"OMP_NUM_THREADS": "1", **_loopback()}
    config = config_of(
        workload,
        world_size,
        data_dir=arguments.data_dir,
        overrides=[
            f"batch_size={batch}",
            f"precision={arguments.precision}",
            f"measure.block_s={arguments.turn_s}",
            f"launch.env={{{', '.join(f'{k}: {v!r}' for k, v in environment.items())}}}",
            f"steps={ENDLESS_STEPS}",
            *ONLY_THROUGHPUT,
            *extra,
        ],
    )
    job = job_of(config, is_ddp=True) | {
        "is_bare": arguments.loop == "bare",
        "keeps_memory": arguments.malloc == "same",
    }
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [
        ArmSpec(
            name=OURS,
            command=[sys.executable, "-m", "benchmarks.parity_ray"],
            num_ranks=world_size,
            job=job,
            environment={},  # Ray gives its workers `launch.env`
        ),
        ArmSpec(
            name=PLAIN,
            command=[
                *torchrun,
                f"--nproc-per-node={world_size}",
                "--module",
                "benchmarks.parity_torchrun",
            ],
            num_ranks=world_size,
            job=job,
            environment=environment,
        ),
    ]


def _loopback() -> dict[str, str]:
    # Ray and torchrun name different interfaces of one host; the gradients shall take the same.
    return {"GLOO_SOCKET_IFNAME": "lo"} if Path("/sys/class/net/lo").exists() else {}


def compare(
    workload: str, world_size: int, arguments: argparse.Namespace
) -> tuple[list[Comparison], list[Measure]]:
    """Measure one workload at one world size, in `launches` pairs of fresh process groups."""
    name = f"{workload}, {world_size} worker{'s' if world_size > 1 else ''}"
    comparisons, starts = [], []
    for launch in range(arguments.launches):
        say(f"{name}, launch {launch + 1} of {arguments.launches}")
        with arms_of(specs(workload, world_size, arguments)) as arms:
            turns = play(arms, arguments.rounds, arguments.seed + launch)
            starts.append(_start_ups(name, arms, launch))
        pairs = tuple(
            (ours.step_s, plain.step_s)
            for ours, plain in zip(turns[OURS], turns[PLAIN], strict=True)
        )
        label = name if arguments.launches == 1 else f"{name}, launch {launch + 1}"
        comparisons.append(_comparison(label, pairs))
        say(in_words(comparisons[-1]))
    if arguments.launches > 1:
        # A launch is slow or fast as a whole, so it is one pair.
        means = tuple(comparison.means() for comparison in comparisons)
        comparisons.append(_comparison(f"{name}, all launches", means))
    return comparisons, starts[0]


def _comparison(name: str, pairs: tuple[tuple[float, float], ...]) -> Comparison:
    return Comparison(name=name, top=OURS, bottom=PLAIN, unit="s/step", pairs=pairs, aim=AIM)


def _start_ups(name: str, arms: list[Arm], launch: int) -> list[Measure]:
    return [
        Measure(
            name=f"{name}: {arm.spec.name}, launch to first step",
            value=max(stamps["first_step"] for stamps in arm.stamps.values()) - arm.started_at_s,
            unit="s",
        )
        for arm in arms
        if launch == 0
    ]


def arguments_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    made = parser("parity", QUESTION)
    grid_arguments(made, BATCH_SIZES)
    made.add_argument("--rounds", type=positive, default=20, help="turns of each arm")
    made.add_argument("--launches", type=positive, default=1, help="fresh pairs of process groups")
    made.add_argument("--turn-s", type=float, default=1.0, help="about so long; keep below 5")
    made.add_argument(
        "--loop",
        choices=("same", "bare"),
        default="same",
        help="same: torchrun runs the very function that Ray's workers run; bare: a loop of plain "
        "torch that does nothing but the step",
    )
    made.add_argument(
        "--malloc",
        choices=("same", "as-is"),
        default="same",
        help="of the bare loop. same: it keeps freed memory too, as ray_bench's workers do; as-is: "
        "glibc gives it back to the system after each step",
    )
    return made.parse_args(arguments)


def main() -> None:
    """Run the benchmark."""
    arguments = arguments_of()
    comparisons: list[Comparison] = []
    measures: list[Measure] = []
    for workload in arguments.workloads:
        for world_size in arguments.world_sizes:
            found, starts = compare(workload, world_size, arguments)
            comparisons += found
            measures += starts
    emit(
        Outcome(
            benchmark="parity",
            question=QUESTION,
            comparisons=tuple(comparisons),
            measures=tuple(measures),
            notes=_notes(arguments),
        ),
        arguments,
    )


def _notes(arguments: argparse.Namespace) -> tuple[str, ...]:
    data = "stand-in data" if arguments.data_dir is None else "real data"
    facts: dict[str, Any] = {
        "OMP_NUM_THREADS": 1,
        "niceness": os.getpriority(os.PRIO_PROCESS, 0),
        "precision": arguments.precision,
        "malloc": "same" if arguments.loop == "same" else arguments.malloc,
        "data": data,
    }
    return (
        "Same in both arms: "
        + ", ".join(f"{key} {value}" for key, value in facts.items())
        + ", loopback, seeds, DDP and its arguments, also at one worker.",
        _LOOPS[arguments.loop],
        "Time inside the loop only; the slowest rank counts.",
    )


if __name__ == "__main__":
    main()
