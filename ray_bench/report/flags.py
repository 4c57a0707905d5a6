"""What the reader must know before believing a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ray_bench.analysis.groups import INVALID_FLAGS, Group, differences
from ray_bench.analysis.study import Study
from ray_bench.config import settings
from ray_bench.records import FLAGS, Results, Status
from ray_bench.report.accumulation import cut_words
from ray_bench.report.anomalies import warnings
from ray_bench.report.script_words import script_warnings
from ray_bench.report.stopping import stop_warning


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


#: What a run can end with that is a result of its training.
_LASTING: Mapping[Status, str] = {
    "diverged": "Runs diverged: their loss was not finite any more, or exploded. They are a "
    "result, and are not made again.",
    "stopped": "Runs were stopped because they had no hope, as stop.hopeless... says.",
}


def _outcomes(results: Results) -> list[Flag]:
    flags = []
    ended = Counter(run.status for run in results.failed_runs)
    failed = sum(count for status, count in ended.items() if status not in _LASTING)
    if failed:
        words = "Runs failed; causes and remedies are listed below."
        flags.append(Flag("failed", words, failed))
    flags += [Flag(key, words, ended[key]) for key, words in _LASTING.items() if ended[key]]
    if results.missing_run_ids:
        words = "Planned runs have left no record: the sweep was interrupted. Resume it."
        flags.append(Flag("missing", words, len(results.missing_run_ids)))
    warning = stop_warning(results)
    return [*flags, Flag(*warning)] if warning else flags


def _groups(studies: tuple[Study, ...]) -> list[Flag]:
    if len(studies) < 2:
        return []
    groups = tuple(study.group for study in studies)
    different = differences(groups)
    names = ", ".join(_difference(name, groups) for name in different)
    if set(different) <= set(settings.names()):
        words = (
            f"The sweep varied settings: {names}. Each combination is a group with a curve of its "
            "own; the table of settings says what each is worth."
        )
        return [Flag("settings_varied", words)]
    words = (
        f"The runs form {len(studies)} groups that are not compared with each other; they differ "
        f"in: {names}."
    )
    return [Flag("not_joined", words)]


def _difference(name: str, groups: tuple[Group, ...]) -> str:
    """Return what differs and its values: `niceness (0 and 15)`."""
    values = dict.fromkeys(in_words(group.key.get(name)) for group in groups)
    return f"{name.replace('_', ' ')} ({' and '.join(values)})"


def in_words(value: object) -> str:
    """Return any recorded fact as words."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return "/".join(map(str, value)) or "none"
    return str(value)


def _study_flags(study: Study) -> list[Flag]:
    flags = [Flag(key, words) for key, words in script_warnings(study)]
    if study.is_ladder:
        words = (
            "Interleaved: all world sizes took turns in one group of workers. It measures speed, "
            "not accuracy, and start-up was paid once for all."
        )
        flags.append(Flag("interleaved", words))
    cuts = cut_words(study)
    if cuts is not None:
        flags.append(Flag("accumulated", cuts))
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
    found = warnings(study.anomalies, study.verdict, is_ladder=study.is_ladder)
    flags = [Flag(key, words) for key, words in found]
    if study.law is not None and study.law.fit.is_misfit:
        words = (
            f"{study.law.name}'s law does not describe the measurements within their noise "
            f"(probability {study.law.fit.misfit_probability:.2g}): do not trust it far away."
        )
        flags.append(Flag("law_misfit", words))
    return flags
