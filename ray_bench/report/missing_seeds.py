"""The seeds that a verdict lacks: the command for them, at the sizes and rules that lack some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ray_bench.analysis.parity.study import Parity, ParityRow
from ray_bench.report.commands import with_seeds, with_settings
from ray_bench.report.context import Context
from ray_bench.report.parity_words import more_seeds


@dataclass(frozen=True, slots=True)
class MissingSeeds:
    """What is missing.

    Attributes:
        command: Makes it, and takes over what is measured.
        num_runs: That it makes at least, where all that it takes over are there.
    """

    command: str
    num_runs: int

    @property
    def words(self) -> str:
        """What the command does, in a sentence."""
        return (
            f"The command below makes {self.num_runs} runs or more for it, where seeds are "
            "missing, and takes over those that are measured."
        )


def missing_seeds(context: Context, judged: Parity) -> MissingSeeds | None:
    """Return what is missing at the world sizes and rules that lack it, and at the baseline.

    None where nothing is, and where the sweep was not made by a command.
    """
    rows = [row for row in judged.rows if more_seeds(row) is not None]
    if not rows:
        return None
    runs = context.study.group.runs
    seeds = {run.point.seed for run in runs if run.point.seed is not None}  # a loop may tell none
    settings = _settings(rows, judged.reference_size)
    if len({run.point.lr_rule for run in runs}) < 2:
        del settings["lr_rules"]
    more = max(more_seeds(row) or 0 for row in rows)
    words = [f"{key}=[{','.join(values)}]" for key, values in settings.items()]
    narrowed = with_settings(context.results.sweep.command, words)
    command = None if narrowed is None else with_seeds(narrowed, seeds, more)
    num_cells = len(settings["world_sizes"]) * len(settings.get("lr_rules", [""]))
    num_cells *= len({run.repeat for run in runs})
    return None if command is None else MissingSeeds(command, more * num_cells)


def _settings(rows: Sequence[ParityRow], reference_size: int) -> dict[str, list[str]]:
    sizes = sorted({reference_size, *(row.world_size for row in rows)})
    rules = sorted({row.lr_rules[0] for row in rows})
    return {"world_sizes": [str(size) for size in sizes], "lr_rules": rules}
