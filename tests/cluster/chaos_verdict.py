"""Whether a sweep that went through faults has every run once, and told of each fault."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq

from ray_bench.analysis.groups import INVALID_FLAGS
from ray_bench.records import RunRecord, SweepRecord
from ray_bench.store import ResultsStore
from ray_bench.store.rows import runs_of
from tests.cluster.chaos import Hit, Story

#: A run that a fault slowed down more than this must say so.
SLOW_FRAC = 0.8
#: After the last fault: what ends later has another reason.
_SOON_S = 30.0
#: Of a cause in the table.
_MOST_CHARS = 200


@dataclass(frozen=True)
class Verdict:
    """What came of a story; without complaints all is well."""

    story: Story
    sweep: SweepRecord
    attempts: Sequence[RunRecord]  # all that are stored, by their start
    complaints: Sequence[str]


def judge(story: Story, results: Path) -> Verdict:
    """Compare what is stored with what was planned and with what happened."""
    store = ResultsStore(results)
    sweeps = store.sweeps()
    sweep = sweeps[-1]
    attempts = sorted(all_attempts(results), key=lambda run: run.started_at_utc)
    complaints = [
        *_sweeps(sweeps),
        *_counts(sweep, attempts),
        *_newest(store, sweep),
        *_blocks(results),
        *_places(attempts),
        *_unsaid(story.hits, attempts),
        *story.left.words,
    ]
    return Verdict(story, sweep, attempts, complaints)


def all_attempts(results: Path) -> list[RunRecord]:
    """Return every stored attempt of every run."""
    paths = (results / "runs").rglob("*.parquet")
    return [run for path in paths for run in runs_of(pq.ParquetFile(path).read())]


def _sweeps(sweeps: Sequence[SweepRecord]) -> Iterable[str]:
    if len(sweeps) != 1:
        yield f"{len(sweeps)} sweeps are stored"


def good(attempts: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the attempts that need not be made again."""
    return [run for run in attempts if not run.must_repeat]


def _counts(sweep: SweepRecord, attempts: Sequence[RunRecord]) -> Iterable[str]:
    planned, found = Counter(sweep.run_ids), Counter(run.run_id for run in good(attempts))
    if missing := planned - found:
        yield f"missing: {', '.join(missing)}"
    if twice := [run_id for run_id, count in found.items() if count > 1]:
        yield f"made twice: {', '.join(twice)}"
    if invented := {run.run_id for run in attempts} - set(planned):
        yield f"invented: {', '.join(invented)}"
    numbers = Counter((run.run_id, run.attempt) for run in attempts)
    if same := [key for key, count in numbers.items() if count > 1]:
        yield f"attempts of one number: {same}"


def _newest(store: ResultsStore, sweep: SweepRecord) -> Iterable[str]:
    results = store.read(sweep.sweep_id)
    if bad := [run.run_id for run in results.runs if run.must_repeat]:
        yield f"the newest attempt is not the good one: {', '.join(bad)}"
    if damaged := [run.run_id for run in results.runs if run.throughput_samples_per_s is None]:
        yield f"without a throughput: {', '.join(damaged)}"


def _blocks(results: Path) -> Iterable[str]:
    for path in (results / "blocks").rglob("*.parquet"):
        table = pq.ParquetFile(path).read()
        names = ("rank", "block")
        keys = list(zip(*(table[name].to_pylist() for name in names), strict=True))
        if len(set(keys)) < len(keys):
            yield f"blocks are there twice: {path.name}"


def _places(attempts: Iterable[RunRecord]) -> Iterable[str]:
    for run in good(attempts):
        num_nodes = len(set(run.rank_node_ids or ()))
        is_said = bool(set(run.flags) & set(INVALID_FLAGS))
        if run.point.placement == "spread" and num_nodes == 1 and not is_said:
            yield f"measured on one host as spread: {run.run_id}"


def span(run: RunRecord) -> tuple[float, float]:
    """Return the Unix times between which an attempt lasted."""
    start_s = run.started_at_utc.timestamp()
    return start_s, start_s + run.wall_s


def touched(hit: Hit, attempts: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the attempts that lasted while a fault did."""
    spans = ((run, *span(run)) for run in attempts)
    return [run for run, start, end in spans if start <= hit.ended_s and end >= hit.happened_s]


def undisturbed_samples_per_s(
    run: RunRecord, hits: Sequence[Hit], attempts: Sequence[RunRecord]
) -> float | None:
    """Return the median throughput of the good runs of this kind that no fault met."""
    met = {(x.run_id, x.attempt) for hit in hits for x in touched(hit, attempts)}
    alike = [
        x.throughput_samples_per_s
        for x in good(attempts)
        if (x.run_id, x.attempt) not in met and _kind(x) == _kind(run)
    ]
    speeds = [x for x in alike if x is not None]
    return median(speeds) if speeds else None


def _kind(run: RunRecord) -> tuple[object, ...]:
    return run.point.world_size, run.point.placement


def ratio(run: RunRecord, hits: Sequence[Hit], attempts: Sequence[RunRecord]) -> float | None:
    """Return a run's throughput over that of its like that no fault met."""
    usual = undisturbed_samples_per_s(run, hits, attempts)
    if usual is None or run.throughput_samples_per_s is None:
        return None
    return run.throughput_samples_per_s / usual


def _unsaid(hits: Sequence[Hit], attempts: Sequence[RunRecord]) -> Iterable[str]:
    for hit in hits:
        for run in touched(hit, attempts):
            share = ratio(run, hits, attempts)
            is_flagged = bool(set(run.flags) & set(INVALID_FLAGS))
            if run.is_finished and not is_flagged and share is not None and share < SLOW_FRAC:
                yield f"{hit.name}: {run.run_id} counts, at {share:.0%} of the usual speed"


def next_start_s(hit: Hit, attempts: Sequence[RunRecord]) -> float | None:
    """Return the seconds from a fault to the start of the next run that is stored."""
    starts = (span(run)[0] for run in attempts)
    later = [start for start in starts if start > hit.happened_s]
    return min(later) - hit.happened_s if later else None


def recorded(hit: Hit, verdict: Verdict) -> str:
    """Return what the store says of the runs that a fault met."""
    said = []
    for run in touched(hit, verdict.attempts):
        share = ratio(run, verdict.story.hits, verdict.attempts)
        speed = "" if share is None else f" at {share:.0%} of the usual speed"
        invalid = [name for name in INVALID_FLAGS if name in run.flags]
        flags = f" ({', '.join(invalid)})" if invalid else ""
        rank = "" if run.error_rank is None else f" [rank {run.error_rank}]"
        words = textwrap.shorten(run.error_message or "", _MOST_CHARS, placeholder=" ...")
        cause = f" {run.error_type}: {words}{rank}" if run.error_type else speed
        wait = f", waited {run.wait_s:.0f} s" if (run.wait_s or 0) > 2 else ""
        said.append(f"{run.status}{flags}{wait}{cause}")
    until_s = min(
        (x.happened_s for x in verdict.story.hits if x.happened_s > hit.happened_s),
        default=hit.ended_s + _SOON_S,
    )
    codes = [
        f"the program ended with {call.code}"
        for call in verdict.story.calls
        if call.ended_s is not None and hit.happened_s <= call.ended_s < until_s
    ]
    return "; ".join([*said, *codes]) or "nothing"


def as_markdown(verdict: Verdict) -> str:
    """Return the tables of a seed."""
    story, attempts = verdict.story, verdict.attempts
    origin_s = story.calls[0].began_s
    rows = [
        (
            str(number),
            f"{hit.name} ({hit.said})",
            f"{hit.happened_s - origin_s:.0f}",
            recorded(hit, verdict).replace("|", "/"),
            "-" if (wait_s := next_start_s(hit, attempts)) is None else f"{wait_s:.1f}",
        )
        for number, hit in enumerate(story.hits, start=1)
    ]
    head = ("#", "fault", "at (s)", "recorded", "to the next run (s)")
    counted = Counter(run.status for run in attempts)
    found = Counter(run.run_id for run in good(attempts))
    ok = {run_id for run_id, count in found.items() if count}
    facts = [
        ("runs planned", len(verdict.sweep.run_ids)),
        ("stored and good", len(ok & set(verdict.sweep.run_ids))),
        ("twice", sum(count > 1 for count in found.values())),
        ("invented", len({run.run_id for run in attempts} - set(verdict.sweep.run_ids))),
        ("attempts kept", ", ".join(f"{count} {name}" for name, count in counted.items())),
        ("calls of the program", len(story.calls)),
        ("processes left after 10 s", len(story.left.processes)),
        ("actors left", len(story.left.actors)),
        ("placement groups left", story.left.num_groups),
        ("scratch folders left", len(story.left.scratch)),
        ("runs kept aside", len(story.left.spooled)),
        ("CPUs free", f"{story.left.free_cpus:g} of {story.left.total_cpus:g}"),
        ("seconds in all", f"{(story.calls[-1].ended_s or 0) - origin_s:.0f}"),
    ]
    complaints = [f"- **{text}**" for text in verdict.complaints] or ["- No complaint."]
    parts = [
        f"## Seed {story.seed}",
        _table(head, rows),
        _table(("what", "count"), [(name, str(value)) for name, value in facts]),
        "\n".join(complaints),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def log(story: Story) -> str:
    """Return what the program said, and what was done to it, by time."""
    said = [(hit.happened_s, f"*** {hit.name}: {hit.said}") for hit in story.hits]
    for call in story.calls:
        said.append((call.began_s, "=== ray-bench run"))
        said += call.lines
        said.append((call.ended_s or call.began_s, f"=== ended with {call.code}"))
    origin_s = story.calls[0].began_s
    return "".join(f"{at - origin_s:8.1f} {text}\n" for at, text in sorted(said))
