"""What the reader must know before believing a number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ray_bench.analysis.anomalies import is_superlinear, throughput_falls
from ray_bench.analysis.groups import INVALID_FLAGS, differences
from ray_bench.analysis.study import Study
from ray_bench.analysis.verdict import clean_sizes
from ray_bench.records import FLAGS, Results


@dataclass(frozen=True, slots=True)
class Flag:
    """A warning, and how many runs it concerns (None: the report as a whole)."""

    key: str
    text: str
    num_runs: int | None = None

    @property
    def runs(self) -> str:
        """Return `1 run`, `2 runs`."""
        return f"{self.num_runs or 0} run" + "s" * (self.num_runs != 1)


def flags_of(results: Results, studies: tuple[Study, ...]) -> tuple[Flag, ...]:
    """Return the flags of the runs, then those of the analysis."""
    found = [*_run_flags(results), *_outcomes(results), *_groups(studies)]
    for study in studies:
        found += _study_flags(study)
    return tuple(dict.fromkeys(found))


def _run_flags(results: Results) -> list[Flag]:
    counts = Counter(key for run in results.ok_runs for key in run.flags)
    known = [key for key in FLAGS if key in counts]
    unknown = sorted(set(counts) - set(FLAGS))
    flags = [Flag(key, _sentence(FLAGS.get(key, key)), counts[key]) for key in known + unknown]
    if any(key in counts for key in INVALID_FLAGS):
        flags.append(Flag("left_out", "Invalid runs are listed but left out of every curve."))
    return flags


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."


def _outcomes(results: Results) -> list[Flag]:
    flags = []
    if results.failed_runs:
        words = "Runs failed; causes and remedies are listed below."
        flags.append(Flag("failed", words, len(results.failed_runs)))
    if results.missing_run_ids:
        words = "Planned runs have left no record: the sweep was interrupted. Resume it."
        flags.append(Flag("missing", words, len(results.missing_run_ids)))
    return flags


def _groups(studies: tuple[Study, ...]) -> list[Flag]:
    if len(studies) < 2:
        return []
    names = ", ".join(differences(tuple(study.group for study in studies)))
    words = (
        f"The runs form {len(studies)} groups that are not compared with each other; they differ "
        f"in: {names}."
    )
    return [Flag("not_joined", words)]


def _study_flags(study: Study) -> list[Flag]:
    flags = []
    if study.throughput and study.source == "within_run":
        words = (
            "Fewer than two runs per world size: intervals hold the noise within one run only, not "
            "that between runs. Use repeats=3."
        )
        flags.append(Flag("within_one_run_only", words))
    if study.throughput and study.source == "none":
        words = "There are too few runs and timed blocks for an interval. Use repeats=3."
        flags.append(Flag("no_interval", words))
    return flags + _law_flags(study)


def _law_flags(study: Study) -> list[Flag]:
    flags = []
    clean = clean_sizes(study.group.runs)
    above = is_superlinear([row for row in study.rows if row.world_size in clean])
    falls = throughput_falls({n: x for n, x in study.throughput.items() if n in clean})
    if above is not None:
        words = (
            f"Superlinear: {above.world_size} workers are more than {above.ideal_speedup:g} times "
            "as fast as the baseline, and no law here can describe that. Look for caches, turbo "
            "clocks, or a baseline that swaps or shares its machine."
        )
        flags.append(Flag("superlinear", words))
    if falls is not None:
        words = f"Throughput falls from {falls[0]} to {falls[1]} workers, and no law here can fall."
        flags.append(Flag("retrograde", words))
    if study.law is not None and study.law.fit.is_misfit:
        words = (
            f"{study.law.name}'s law does not describe the measurements within their noise "
            f"(probability {study.law.fit.misfit_probability:.2g}): do not trust it far away."
        )
        flags.append(Flag("law_misfit", words))
    return flags
