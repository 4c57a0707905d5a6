"""A sweep on two hosts to which drawn faults happen, resumed until all of it is there.

    python -m tests.cluster.chaos SEED [--faults 10] [--save DIR]    # as root on Linux

The faults and their moments are drawn with the seed (`chaos_faults`); a patient user resumes the
sweep whenever it ends too early (`chaos_driver`); `chaos_verdict` looks at what came of it.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import restless
from tests.cluster.chaos_driver import Invocation, Keeper
from tests.cluster.chaos_faults import FAULTS, NothingToDoError, Scene, drawn, every
from tests.cluster.chaos_left import Left, left_over
from tests.cluster.lab import Lab, running_lab

#: Nothing of the sweep may be there so long after its end.
LEFT_AFTER_S = 10.0
#: For all points once the faults are over.
LAST_S = 900.0
TWELVE = ("placements=[pack,spread]", "lr_rules=[none,linear]", "seeds=[0,1]")
FOUR = ("placements=[spread]", "seeds=[0,1]")


@dataclass(frozen=True)
class Hit:
    """A fault that was played."""

    name: str
    began_s: float  # Unix time: from here on nothing is as usual
    happened_s: float
    ended_s: float
    said: str


@dataclass(frozen=True)
class Story:
    """What happened to a sweep, as seen from outside."""

    seed: int
    hits: Sequence[Hit]
    calls: Sequence[Invocation]
    left: Left
    command: str


def arguments(results: Path, folder: Path, points: Sequence[str] = TWELVE) -> list[str]:
    """Return the sweep's command line: runs of 5 and 10 s on one or both hosts."""
    return [
        "run", "workload=tests.cluster.restless:Restless", "world_sizes=[1,2]", *points,
        "batch_size=64", "lr=0.1", "steps=60", "emulated.compute_s_per_sample=0.0025",
        "measure.phase_steps=0", "measure.sync_pairs=0", "measure.noise_steps=0",
        "launch.timeout_s=20", "launch.wait_s=60", f"launch.env.{restless.FOLDER}={folder}",
        "--results", str(results),
    ]  # fmt: skip


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "64m") -> Iterator[Path]:
    """Give a folder a file system of its own, which can be full."""
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={size}", "chaos", str(folder))
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


@contextlib.contextmanager
def stage(lab: Lab) -> Iterator[tuple[Path, Path, Path]]:
    """Yield the folders of results, of ranks' words, and of the program's scratch."""
    words, scratch = lab.folder / "words", lab.folder / "tmp"
    words.mkdir()
    scratch.mkdir()
    with small_disk(lab.folder / "results") as results:
        yield results, words, scratch


def play(
    lab: Lab, folders: tuple[Path, Path, Path], seed: int, names: Sequence[str],
    points: Sequence[str] = TWELVE,
) -> Story:  # fmt: skip
    """Let the faults happen one after the other, and wait until all runs are there."""
    results, words, scratch = folders
    command = arguments(results, words, points)
    keeper = Keeper(lab, command, results, scratch)
    scene = Scene(lab, words, results, keeper, random.Random(seed))
    keeper.start()
    try:
        hits = [hit for name in names if (hit := _play_one(scene, keeper, name)) is not None]
        keeper.join(timeout=LAST_S)
        if keeper.error is not None:
            raise keeper.error
        time.sleep(LEFT_AFTER_S)
        return Story(
            seed=seed,
            hits=hits,
            calls=keeper.calls,
            left=left_over(lab, scratch),
            command=" ".join(["ray-bench", *command]),
        )
    finally:
        keeper.stop()


def _play_one(scene: Scene, keeper: Keeper, name: str) -> Hit | None:
    """Play a fault; None where the sweep was over before."""
    if not keeper.is_alive():
        return None
    began_s = time.time()
    _say(f"{name} ...")
    try:
        FAULTS[name](scene)
    except NothingToDoError as err:
        _say(f"{name}: {err}")
        return None
    ended_s = time.time()
    _say(f"{name}: {scene.said}")
    for _ in every(0.5):  # its consequences belong to it: the next one waits for a new run
        if not keeper.is_alive() or scene.ranks(since_s=ended_s):
            break
    return Hit(name, began_s, scene.happened_s, ended_s, scene.said)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def main() -> int:
    """Play one seed and print its tables."""
    from tests.cluster import chaos_verdict

    parser = argparse.ArgumentParser(prog="python -m tests.cluster.chaos")
    parser.add_argument("seed", type=int)
    parser.add_argument("--faults", type=int, default=10)
    parser.add_argument("--only", help="these faults instead, with commas")
    parser.add_argument("--few", action="store_true", help="four points instead of twelve")
    parser.add_argument("--save", type=Path, help="folder for tables, log and results")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else drawn(options.seed, options.faults)
    with running_lab(2, rate="1gbit", same_name="box", has_decoy=True) as lab, stage(lab) as where:
        story = play(lab, where, options.seed, names, FOUR if options.few else TWELVE)
        if options.save:
            kept = options.save / f"results{options.seed}"
            shutil.copytree(where[0], kept, dirs_exist_ok=True)
        verdict = chaos_verdict.judge(story, where[0])
    text = chaos_verdict.as_markdown(verdict)
    if options.save:
        options.save.mkdir(parents=True, exist_ok=True)
        (options.save / f"seed{options.seed}.md").write_text(text)
        (options.save / f"seed{options.seed}.log").write_text(chaos_verdict.log(story))
    sys.stdout.write(text)
    return len(verdict.complaints) > 0


if __name__ == "__main__":
    sys.exit(main())
