"""What another link, price, aim or number of workers would change of a sweep that was measured.

Without another link the laws that were fitted to the sweep say it; with one, its gradient buckets
are replayed over that link.
"""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ray_bench.errors import AnalysisError, RayBenchError
from ray_bench.serve.studies import Analysed
from ray_bench.serve.wish import Wish

if TYPE_CHECKING:
    from ray_bench.analysis.study import Study
    from ray_bench.report.screen import Screen

#: Latency of one message, where none is given with a link.
USUAL_LATENCY = "20us"
MOST_WORKERS = 1024
#: The laws forecast up to so many times the largest world size that was measured.
_FAR = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The answer to a question, and the command that gives the same on a terminal."""

    screen: Screen
    command: str


def first_study(found: Analysed) -> Study:
    """Return the curve with most world sizes.

    Raises:
        AnalysisError: There is none.
    """
    if not found.studies:
        raise AnalysisError(
            "This sweep has no valid run to start from. Its page says what failed; measure it "
            "again."
        )
    return found.studies[0]


def default_workers(found: Analysed) -> int:
    """Return up to how many workers is asked at first: what laws say something of."""
    largest = max(first_study(found).group.world_sizes)
    return min(MOST_WORKERS, int(2 ** math.ceil(math.log2(largest * _FAR))))


def no_replay(found: Analysed) -> str | None:
    """Return why no step can be replayed over another link; None where it can."""
    from ray_bench.analysis.replay.profile import step_profile

    try:
        step_profile(found.results, first_study(found))
    except RayBenchError as err:
        return str(err)
    return None


def own_link(found: Analysed) -> str | None:
    """Return the link that the sweep had, in words: `8 Gbit/s`; None where it is not known."""
    from ray_bench.analysis.replay.asked import links_of
    from ray_bench.analysis.replay.profile import step_profile
    from ray_bench.report.cells import number
    from ray_bench.report.format import show

    study = first_study(found)
    try:
        buckets = step_profile(found.results, study).buckets.num_bytes.tolist()
        within, between = links_of(found.results, study, None, None, buckets)
    except RayBenchError:
        return None
    link = between or within
    if link is None or link.beta_s_per_byte.value <= 0:
        return None
    rate, alpha_s = 8e-9 / link.beta_s_per_byte.value, link.alpha_s.value
    return f"{rate:.3g} Gbit/s, latency {show(number(alpha_s, 's')).value}"


def forecast(
    found: Analysed, wish: Wish, *, link: str | None, latency: str | None, root: str
) -> Forecast:
    """Return the answer.

    Args:
        found: The sweep.
        wish: Aim, price and how many workers can be had.
        link: Its bus bandwidth, like `25Gbps`; None keeps the one that was measured.
        latency: Of one message, like `20us`.
        root: Of the results, for the command.

    Raises:
        ConfigError: Something that was asked for cannot be read.
        AnalysisError: Nothing can be predicted from this sweep.
    """
    with found.lock:
        if link is None:
            return _by_laws(found, wish, root)
        return _by_replay(found, wish, link, latency or USUAL_LATENCY, root)


def _by_laws(found: Analysed, wish: Wish, root: str) -> Forecast:
    from ray_bench.report.context import Context
    from ray_bench.report.model import ask_of
    from ray_bench.report.screens import screens_of

    ask, currency = ask_of(found.results, **wish.asked)
    context = Context(
        results=found.results,
        study=first_study(found).asking(ask),
        price_per_worker_hour=ask.price_per_worker_hour,
        currency=currency,
        number=1,
        num_groups=1,
    )
    (screen,) = screens_of(found.results, (context,))
    words = ["ray-bench", "report", root, "--sweep", found.results.sweep.sweep_id]
    words += ["--aim", wish.aim]
    if wish.price is not None:
        words += ["--price", f"{wish.price:g}", "--currency", currency]
    if wish.max_workers is not None:
        words += ["--max-workers", str(wish.max_workers)]
    return Forecast(screen=screen, command=shlex.join(words))


def _by_replay(found: Analysed, wish: Wish, link: str, latency: str, root: str) -> Forecast:
    from ray_bench.analysis.decision.choose import choose
    from ray_bench.analysis.replay.asked import given_link, question_of
    from ray_bench.analysis.replay.forecast import predicted_field
    from ray_bench.analysis.replay.profile import step_profile
    from ray_bench.report.model import ask_of
    from ray_bench.report.replay_screen import Replayed, replay_screen

    study = first_study(found)
    profile = step_profile(found.results, study)
    given = given_link(link, latency, None, "")
    question = question_of(profile, (given, None), None, None, None, profile.scaling)
    ask, currency = ask_of(found.results, **wish.asked)
    samples = _run_samples(study)
    most = wish.max_workers or default_workers(found)
    sizes = _sizes(profile.world_size, most, study.group.world_sizes)
    rows, field = predicted_field(profile, question, sizes, study.curve, samples)
    why = _no_choice(ask.aim.kind, samples, ask.price_per_worker_hour)
    choice = None if why else choose(field, ask.aim, ask.price_per_worker_hour)
    screen = replay_screen(
        Replayed(
            profile=profile,
            question=question,
            rows=rows,
            choice=choice,
            no_choice=why,
            ask=ask,
            currency=currency,
            run_samples=samples,
            curve=study.curve,
        )
    )
    words = ["ray-bench", "predict", "--from", root, "--sweep", found.results.sweep.sweep_id]
    words += ["--link", link, "--latency", latency]
    return Forecast(screen=screen, command=shlex.join(words))


def _sizes(base: int, most: int, measured: tuple[int, ...]) -> tuple[int, ...]:
    """Return doublings of the world size to start from, and the measured ones, up to `most`."""
    doubled = [base * 2**k for k in range(int(math.log2(max(1, most / base))) + 1)]
    return tuple(sorted({*doubled, *(n for n in measured if base <= n <= most), base}))


def _run_samples(study: Study) -> float | None:
    """Return the samples that a run trains on; None for a ladder, and where it is not known."""
    epochs = study.times[0].num_epochs if study.times else None
    samples = study.first.num_train_samples
    return None if study.is_ladder or not epochs or not samples else epochs * samples


def _no_choice(kind: str, samples: float | None, price: float | None) -> str:
    if kind in ("deadline", "budget") and samples is None:
        return "How long a run is, is not known: take another aim than a deadline or a budget."
    if kind == "budget" and price is None:
        return "A budget needs a price: give one."
    return ""
