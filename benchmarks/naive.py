"""What does our training path gain over the code of the usual tutorial?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.common import Aim, Comparison, Measure, Outcome, emit, parser, positive, say
from benchmarks.turns import Arm, ArmSpec, Turn, arms_of, play

QUESTION = (
    "Images/s of our path over those of tutorial code (eager fp32, default layout, DataLoader "
    "with per-image transforms, for-loop SGD), 1 worker, one thread each, taking turns."
)
OURS, NAIVE = "ours", "naive"
MODULES = {OURS: "benchmarks.naive_ours", NAIVE: "benchmarks.naive_tutorial"}
AIMS = {"resnet50-cifar10": 2.8, "resnet18-cifar10": 2.0, "cnn-mnist": 5.0}
MEMORY_AIM = Aim(bound="at most", value=1.1)


def specs(workload: str, arguments: argparse.Namespace, *, epochs: int | None) -> list[ArmSpec]:
    """Return both arms; with `epochs` they train to the end and write what they reached."""
    from benchmarks.own_path import ENDLESS_STEPS, ONLY_THROUGHPUT, config_of, job_of

    length = f"steps={ENDLESS_STEPS}" if epochs is None else f"epochs={epochs}"
    overrides = [f"precision={arguments.precision}", f"measure.block_s={arguments.turn_s}", length]
    if epochs is None:
        overrides += ["measure.warmup_steps=3", "measure.warmup_s=0"]
    if arguments.batch_size is not None:
        overrides.append(f"batch_size={arguments.batch_size}")
    config = config_of(
        workload,
        1,
        data_dir=arguments.data_dir,
        overrides=[*overrides, *ONLY_THROUGHPUT, *arguments.ours],
    )
    job = {**job_of(config, is_ddp=False), "epochs": epochs}
    return [
        ArmSpec(
            name=name,
            command=[sys.executable, "-m", module],
            num_ranks=1,
            job=job,
            environment={"OMP_NUM_THREADS": "1"},
        )
        for name, module in MODULES.items()
    ]


def compare_speed(workload: str, arguments: argparse.Namespace) -> tuple[Comparison, list[Measure]]:
    """Return the ratio of images/s, and what memory each arm needed."""
    say(f"{workload}: speed")
    with arms_of(specs(workload, arguments, epochs=None)) as arms:
        turns = play(arms, arguments.rounds, arguments.seed)
        memory = _memory(workload, arms)
    batch = json.loads(arms[0].spec.job["config"])["batch_size"]
    pairs = tuple(
        (_images_per_s(ours, batch), _images_per_s(naive, batch))
        for ours, naive in zip(turns[OURS], turns[NAIVE], strict=True)
    )
    aim = AIMS.get(workload)
    comparison = Comparison(
        name=f"{workload}, batch {batch}",
        top=OURS,
        bottom=NAIVE,
        unit="images/s",
        pairs=pairs,
        aim=Aim(bound="at least", value=aim) if aim else None,
    )
    return comparison, memory


def _images_per_s(turn: Turn, batch: int) -> float:
    return batch / turn.step_s


def _memory(workload: str, arms: list[Arm]) -> list[Measure]:
    ours, naive = (arm.peak_memory_bytes for arm in arms)
    return [
        Measure(name=f"{workload}: peak memory of ours", value=ours, unit="byte"),
        Measure(name=f"{workload}: peak memory of naive", value=naive, unit="byte"),
        Measure(
            name=f"{workload}: peak memory, ours over naive",
            value=ours / naive,
            unit="",
            aim=MEMORY_AIM,
        ),
    ]


def compare_accuracy(workload: str, arguments: argparse.Namespace) -> list[Measure]:
    """Train both to the end, one after the other; return validation accuracy and seconds."""
    measures = []
    for index, name in enumerate((OURS, NAIVE)):
        say(f"{workload}: {arguments.epochs} epochs of {name}")
        spec = specs(workload, arguments, epochs=arguments.epochs)[index]
        with arms_of([spec]) as (arm,):
            arm.start()
            answer = arm.answer()
            arm.finish()
        label = f"{workload}, {arguments.epochs} epochs, {name}"
        measures += [
            Measure(name=f"{label}: accuracy", value=answer["val_accuracy_frac"], unit=""),
            Measure(name=f"{label}: training", value=answer["train_s"], unit="s"),
        ]
    return measures


def main() -> None:
    """Run the benchmark."""
    made = parser("naive", QUESTION)
    made.add_argument("--workloads", nargs="+", default=list(AIMS), metavar="NAME")
    made.add_argument("--rounds", type=positive, default=8, help="turns of each arm")
    made.add_argument("--turn-s", type=float, default=2.0, help="a turn lasts about so long")
    made.add_argument("--batch-size", type=positive, help="not given: that of the workload")
    made.add_argument(
        "--precision", choices=("fp32", "bf16"), default="bf16", help="of ours; naive has fp32"
    )
    made.add_argument(
        "--ours", nargs="+", default=[], metavar="KEY=VALUE", help="more settings of our path"
    )
    made.add_argument("--epochs", type=positive, help="also train so many and compare accuracy")
    made.add_argument("--data-dir", type=Path, help="real data; not given: stand-ins")
    arguments = made.parse_args()
    comparisons: list[Comparison] = []
    measures: list[Measure] = []
    for workload in arguments.workloads:
        comparison, memory = compare_speed(workload, arguments)
        comparisons.append(comparison)
        measures += memory
        if arguments.epochs is not None:
            measures += compare_accuracy(workload, arguments)
    data = "stand-in data" if arguments.data_dir is None else "real data"
    emit(
        Outcome(
            benchmark="naive",
            question=QUESTION,
            comparisons=tuple(comparisons),
            measures=tuple(measures),
            notes=(
                f"Ours: {' '.join([f'precision={arguments.precision}', *arguments.ours])}, the "
                f"loop of every run, without Ray and DDP. Both on {data}, loader included.",
                "Peak memory is the largest resident set of each arm's own process (ru_maxrss): "
                "Python, torch and data included, which are about 0.6 GiB in both.",
            ),
        ),
        arguments,
    )


if __name__ == "__main__":
    main()
