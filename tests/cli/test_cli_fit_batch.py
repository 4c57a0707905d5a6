"""`ray-bench fit` on files that say which batch was trained with."""

import json

import pytest

from ray_bench.cli.main import main

FIXED_S, SAMPLE_S = 0.02, 0.001


@pytest.fixture
def fitted(capsys, tmp_path):
    """Return what a table of world size, batch column and step time gives: code and document."""

    def fit(rows, column, *arguments, quantity="step_time_s"):
        lines = [f"world_size,{column},{quantity}", *(",".join(map(str, row)) for row in rows)]
        path = tmp_path / "curve.csv"
        path.write_text("\n".join(lines))
        code = 0
        try:
            main(["fit", str(path), "--format", "json", *arguments])
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return code, json.loads(out) if code == 0 else err

    return fit


def step_s(local_batch):
    return FIXED_S + SAMPLE_S * local_batch


def strong_rows(column, factor=1.0):
    return [
        (n, 256 if column == "global_batch_size" else 256 / n, factor * step_s(256 / n))
        for n in (1, 2, 4, 8)
    ]


@pytest.mark.parametrize("column", ["global_batch_size", "local_batch_size"])
def test_the_batch_says_that_scaling_was_strong(fitted, column):
    code, found = fitted(strong_rows(column), column, "--at", "16")
    assert code == 0, found
    assert (found["scaling"], found["throughput_unit"], found["law"]) == (
        "strong",
        "samples/s",
        "amdahl",
    )
    serial = found["parameters"]["serial_frac"]["value"]
    assert serial == pytest.approx(FIXED_S / step_s(256), rel=0.02)
    (row,) = found["predictions"]
    assert row["step_time_s"] == pytest.approx(step_s(16), rel=0.05)
    assert row["throughput"] == pytest.approx(256 / step_s(16), rel=0.05)


def test_the_same_batch_per_worker_is_weak_scaling(fitted):
    rows = [(n, 64, 0.1 + 0.001 * (n > 1)) for n in (1, 2, 4, 8)]
    code, found = fitted(rows, "local_batch_size", "--at", "16")
    assert (code, found["scaling"]) == (0, "weak")
    assert found["points"][0]["throughput"] == pytest.approx(640)
    assert found == fitted(rows, "local_batch_size", "--at", "16", "--scaling", "weak")[1]


def test_an_uneven_share_of_a_fixed_batch_is_still_strong_scaling(fitted):
    rows = [(n, 256 // n, step_s(256 // n)) for n in (1, 2, 3, 6)]
    assert fitted(rows, "local_batch_size")[1]["scaling"] == "strong"


def test_where_neither_batch_is_fixed_the_step_time_follows_the_batch(fitted):
    """T = a + c b fits exactly; speedups are those of the batches that were measured."""
    batches = {1: 256, 4: 256, 16: 128, 64: 32}
    rows = [(n, b, step_s(b)) for n, b in batches.items()]
    code, found = fitted(rows, "local_batch_size", "--at", "128")
    assert (code, found["scaling"], found["law"]) == (0, "mixed", "batch")
    assert any("differs by up to a factor of 8 between" in words for words in found["warnings"])
    fixed = found["parameters"]["fixed"]["value"] / found["parameters"]["batch"]["value"]
    assert fixed == pytest.approx(FIXED_S / (SAMPLE_S * 256), rel=0.01)
    (row,) = found["predictions"]
    ends = [n * b / step_s(b) for n, b in ((128, 16), (128, 32))]  # last global, last local
    assert row["low"] < ends[0] < row["throughput"] < ends[1] < row["high"]


LATER_BATCHES = {1: 256, 4: 256, 16: 128, 64: 32}
STATED = ("--at", "128", "--global-batch-size", "4096")


def test_a_stated_batch_is_that_of_the_forecast(fitted):
    rows = [(n, b, step_s(b)) for n, b in LATER_BATCHES.items()]
    _, open_ = fitted(rows, "local_batch_size", "--at", "128")
    code, found = fitted(rows, "local_batch_size", *STATED)
    assert code == 0, found
    (row,), (wide,) = found["predictions"], open_["predictions"]
    assert row["low"] < 128 * 32 / step_s(32) < row["high"]
    assert row["high"] / row["low"] < wide["high"] / wide["low"]
    assert fitted(strong_rows("global_batch_size"), "global_batch_size", *STATED)[0] == 0


@pytest.mark.xfail(strict=True, reason="5.6 % off since a loss beyond the data is doubted")
def test_a_planted_batch_law_is_found_to_five_per_cent(fitted):
    rows = [(n, b, step_s(b)) for n, b in LATER_BATCHES.items()]
    (row,) = fitted(rows, "local_batch_size", *STATED)[1]["predictions"]
    assert row["step_time_s"] == pytest.approx(step_s(32), rel=0.05)


def test_a_stated_batch_needs_batches_in_the_file(fitted):
    code, err = fitted(
        [(1, "x", 0.1), (2, "x", 0.1)], "note", "--scaling", "weak", "--global-batch-size", "64"
    )
    assert (code, "--global-batch-size needs a column" in err) == (2, True), err


@pytest.mark.parametrize(
    ("rows", "column", "words"),
    [
        ([(1, 64, 0.1), (2, "", 0.1)], "local_batch_size", "line 3: local_batch_size has to be"),
        ([(1, 64, 0.1), (2, 0, 0.1)], "global_batch_size", "line 3: global_batch_size has to be"),
        ([(1, 64, 0.1), (2, "big", 0.1)], "global_batch_size", "got 'big'"),
        (
            [(1, "64,64", 0.1), (2, "64,64", 0.1)],
            "global_batch_size,local_batch_size",
            "line 3: global_batch_size is not 2 x local_batch_size",
        ),
        (
            [(1, "64,500", 0.1), (2, "64,1000", 0.1)],
            "local_batch_size,throughput",
            "throughput x step_time_s is not the batch that is given",
        ),
    ],
)
def test_a_batch_that_cannot_be_is_named(fitted, rows, column, words):
    code, err = fitted(rows, column)
    assert (code, words in err) == (1, True), err


def test_an_option_that_the_batches_deny(fitted):
    code, err = fitted(strong_rows("global_batch_size"), "global_batch_size", "--scaling", "weak")
    assert (code, "--scaling weak does not agree" in err) == (2, True), err


def test_a_batch_gives_throughput_its_seconds(fitted):
    rows = [(n, 64, 640 * n) for n in (1, 2, 4)]
    _, found = fitted(rows, "local_batch_size", "--at", "8", quantity="throughput")
    assert found["predictions"][0]["step_time_s"] == pytest.approx(0.1, rel=0.02)


def test_json_may_give_one_batch_for_all(capsys, tmp_path):
    path = tmp_path / "curve.json"
    times = {n: step_s(256 / n) for n in (1, 2, 4, 8)}
    document = {
        "world_size": list(times),
        "step_time_s": list(times.values()),
        "global_batch_size": 256,
    }
    path.write_text(json.dumps(document))
    with pytest.raises(SystemExit):
        main(["fit", str(path), "--format", "json"])
    assert json.loads(capsys.readouterr().out)["scaling"] == "strong"
