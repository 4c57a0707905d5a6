"""Advice is possible in the run that it is for, and causes are told where phases show them."""

import re
from dataclasses import replace

import pytest

from ray_bench.analysis.losses import Bottleneck, Loss
from ray_bench.analysis.study import studies
from ray_bench.report.context import Context
from ray_bench.report.model import build_report
from ray_bench.report.remedies import remedy_words
from tests.report.reports import CASES, report_of
from tests.report.test_fit_words import CAUSES, contradictions
from tests.synthetic import Sync, environment, synthetic

ONE_BUCKET = Sync(contention_s=0.004, bucket_bytes=(534_000,))


def context(results):
    (study,) = studies(results)
    return Context(
        results=results,
        study=study,
        price_per_worker_hour=None,
        currency="USD",
        number=1,
        num_groups=1,
    )


def with_host(results, **changes):
    host = environment(**changes)
    runs = tuple(replace(r, environment_hash=host.environment_hash) for r in results.runs)
    return replace(results, runs=runs, environments={host.environment_hash: host})


def remedy(kind, results):
    return remedy_words(context(results), Loss(kind=kind, seconds=0.01, phase="exposed_comm"))


@pytest.mark.parametrize(
    "kind", [Bottleneck.COMMUNICATION, Bottleneck.CONTENTION, Bottleneck.LATENCY]
)
def test_buckets_are_advised_only_where_several_were_measured(kind):
    several = remedy(kind, synthetic((1, 2), sync=Sync()))
    one = remedy(kind, synthetic((1, 2), sync=ONE_BUCKET))
    unseen = remedy(kind, synthetic((1, 2)))
    assert "bucket_cap_mb" in several
    assert "one bucket" not in several
    assert "bucket_cap_mb" not in one
    assert "go in one bucket already" in one
    assert "more computation for each synchronisation" in one
    assert "bucket" not in unseen


def test_the_batch_that_is_advised_is_the_one_that_was_fixed():
    strong, weak = (synthetic((1, 2), scaling=x) for x in ("strong", "weak"))
    assert "a larger global batch" in remedy(Bottleneck.OPTIMIZER, strong)
    assert "a larger batch per worker" in remedy(Bottleneck.OPTIMIZER, weak)


def test_what_is_set_already_or_not_there_is_not_advised():
    plain = synthetic((1, 2), sync=Sync())
    runs = tuple(replace(r, point=replace(r.point, precision="bf16")) for r in plain.runs)
    bf16 = replace(plain, runs=runs)
    assert "bf16" in remedy(Bottleneck.COMMUNICATION, plain)
    assert "bf16" not in remedy(Bottleneck.COMMUNICATION, bf16)
    one_node = with_host(plain, num_nodes=1)
    assert "link" not in remedy(Bottleneck.COMMUNICATION, one_node)
    assert "faster link" in remedy(Bottleneck.COMMUNICATION, with_host(plain, num_nodes=2))
    for threads, is_said in ((1, False), (4, True)):
        words = remedy(Bottleneck.CONTENTION, with_host(plain, omp_num_threads=threads))
        assert ("OMP threads" in words) is is_said


def test_world_sizes_that_failed_are_no_option():
    kept = context(synthetic((1, 2, 4, 8))).study.decision.options
    failed = context(synthetic((1, 2, 4, 8, 16), failed=lambda n, _: n == 16))
    assert 16 in {x.world_size for x in kept}
    assert 16 not in {x.world_size for x in failed.study.decision.options}


def test_from_two_world_sizes_on_two_cores_nothing_is_forecast():
    results = with_host(synthetic((1, 2)), num_cpus=2, omp_num_threads=1, num_nodes=1)
    report = build_report(results)
    assert [x.world_size for x in report.screens[0].numbers.sizes] == [1, 2]
    assert "better:" not in report.answer
    section = next(x for x in report.sections if x.key == "predictions")
    assert any("What 4 workers would give is not known" in x for x in section.paragraphs)
    assert not any("middle of the laws" in x for x in section.paragraphs)
    assert not any("extrapolated" in x for x in section.paragraphs)


@pytest.mark.parametrize(
    ("with_phases", "words"),
    [(True, "most of the time lost in the phase pass goes to"), (False, "measure.phase_steps=20")],
)
def test_a_plateau_has_a_cause_only_from_phases(with_phases, words):
    report = build_report(
        synthetic(
            step_s=lambda n, _: {1: 0.1, 2: 0.05, 4: 0.049, 8: 0.0485}[n],
            noise=0.002,
            repeats=6,
            with_phases=with_phases,
        )
    )
    flags = [flag.text for flag in report.flags if flag.key == "plateau"]
    assert len(flags) == 2
    assert words in flags[-1]
    assert "?" in flags[0]
    assert not any("Likely" in flag.text for flag in report.flags)


@pytest.mark.parametrize("case", CASES)
def test_no_two_sentences_of_a_sweep_exclude_each_other(case):
    report = report_of(case)
    words = [report.answer, *(flag.text for flag in report.flags)]
    words += [x for section in report.sections for x in section.paragraphs]
    text = "\n".join(words)
    assert list(contradictions(text)) == []
    assert not re.search(CAUSES, text)
    assert "--workers-per-node" not in text
