"""Tests of `ray-bench tag`, `ray-bench note`, and of words that mean a sweep."""

import json
from datetime import timedelta

import pytest

from tests.samples import START, make_data, make_sweep


@pytest.fixture
def three(store):
    for number, sweep_id in enumerate(("2026a", "2026b", "2027")):
        created = START + timedelta(hours=number)
        store.write_sweep(
            make_sweep(sweep_id=sweep_id, created_at_utc=created, run_ids=("a",), command=sweep_id)
        )
        store.write_run(make_data(sweep_id=sweep_id, with_tables=False))
    return store


def test_a_name_tags_and_a_note_that_can_be_taken_back(ray_bench, three):
    root = three.root
    shown = ray_bench("tag", root, "2027", "name=base line", "+nightly", "+hot").out
    assert shown.splitlines() == [
        "Sweep 2027",
        "  name: base line",
        "  tags: +nightly +hot",
        "  note: -",
    ]
    assert "tags: +nightly\n" in ray_bench("tag", root, "base line", "-hot").out
    assert "note: hello\n        two\n" in ray_bench("note", root, "nightly", "hello\ntwo").out
    assert "note: -\n" in ray_bench("note", root, "2027", "--undo").out
    assert "tags: +nightly +hot\n" in ray_bench("tag", root, "2027", "--undo").out
    assert "name: -\n  tags: -\n" in ray_bench("tag", root, "2027", "--undo").out
    outcome = ray_bench("tag", root, "2027", "--undo")
    assert (outcome.code, "no change of its labels" in outcome.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nightly"], "did you mean +nightly?"),
        (["+two words"], "A tag is a word"),
        (["+"], "A tag is a word"),
        (["+\x1b[2J"], "A tag is a word"),
        (["name=\x1b[2J"], "A name is one line"),
        (["name=a", "name=b"], "one name, got 2"),
        (["+x", "-x"], "both come and go"),
        (["+x", "--undo"], "makes none"),
        (["name=taken"], "2026a has the name 'taken' already"),
    ],
)
def test_what_cannot_be_a_label_is_refused_and_nothing_is_stored(ray_bench, three, words, why):
    three.label("2026a", name="taken")
    outcome = ray_bench("tag", three.root, "2027", *words)
    assert (outcome.code, why in outcome.err) == (2, True), outcome.err
    assert three.labels("2027").tags == ()


def exported(ray_bench, store, word):
    outcome = ray_bench("export", store.root, "--table", "sweeps", "--sweep", word)
    return outcome, outcome.out.splitlines()[-1].split(",")[0].strip('"') if outcome.out else None


def test_a_word_means_one_sweep(ray_bench, three):
    three.label("2026a", name="baseline", added=("nightly",))
    three.label("2026b", added=("nightly",))
    said = {}
    for word in ("2026a", "baseline", "nightly", "2027", "20260"):
        outcome, said[word] = exported(ray_bench, three, word)
        assert outcome.code == (word == "20260"), outcome.err
    assert list(said.values()) == ["2026a", "2026a", "2026b", "2027", None]
    three.write_sweep(make_sweep(sweep_id="20260102T0304", run_ids=("a",)))
    assert exported(ray_bench, three, "20260")[1] == "20260102T0304"


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("2026", "'2026' may be 2 sweeps of"),
        ("both", "may be 2 sweeps of"),
        ("basline", "Did you mean 'baseline'?"),
        ("zzz", "It has: 2026a (baseline), 2026b (+both), 2027 (both)."),
        ("", "has no sweep ''"),
    ],
)
def test_a_word_that_means_none_or_several_lists_them(ray_bench, three, word, why):
    three.label("2026a", name="baseline")
    three.label("2026b", added=("both",))
    three.label("2027", name="both")
    for command in (
        ["export", three.root, "--sweep", word],
        ["compare", three.root, three.root, "--sweep-new", word],
        ["predict", "--from", three.root, "--sweep", word],
        ["report", three.root, "--sweep", word],
    ):
        outcome = ray_bench(*command)
        assert (outcome.code, outcome.out) == (1, "")
        assert why in outcome.err


def test_which_sweep_is_taken_is_said(ray_bench, three):
    three.label("2026b", added=("nightly",))
    ray_bench("tag", three.root, "nightly", "name=x")
    listed = json.loads(ray_bench("list", three.root, "--format", "json").out)
    assert [x["name"] for x in listed] == [None, "x", None]
