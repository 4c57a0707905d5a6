import pytest

from ray_bench.report.cells import Cell, asked, number, table
from ray_bench.report.format import clean, on_axis, seconds, show
from ray_bench.report.markdown import escape


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000 us"),
        (2.5e-5, "25.0 us"),
        (0.559, "559 ms"),
        (218.53, "219 s"),
        (2469.67, "41.2 min"),
        (7200, "2.00 h"),
    ],
)
def test_seconds(value, text):
    assert seconds(value) == text.replace("0.000", "0")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.01, "s", "10 ms"),
        (1000, "s", "16.7 min"),
        (4**11, "bytes", "4 MiB"),
        (2.5e-4, "s", "250 us"),
        (0, "s", "0 us"),
    ],
)
def test_ticks_have_no_zeros_at_their_end(value, unit, text):
    assert on_axis(value, unit) == text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell(1.7853, "x", "measured", 1.71, 1.876), "1.79x (1.71 to 1.88)"),
        (Cell(0.44, "frac", "predicted"), "44.0 %"),
        (Cell(-0.0031, "points", "measured", -0.017, 0.011), "-0.3 pp (-1.7 to +1.1)"),
        (Cell(2**30, "bytes", "measured"), "1.00 GiB"),
        (Cell(1.0234, "money", "derived", currency="USD"), "1.02 USD"),
        (Cell(1e-12, "money", "derived", currency="USD"), "0.00000000 USD"),
        (Cell(64, "count"), "64"),
        (Cell(7.5, "count"), "7.5"),
        (Cell(9.147, "x", "predicted", 6.97, 13.55), "9x (7 to 14)"),
        (Cell(5.92, "x", "predicted", 5.36, 6.9), "5.9x (5.4 to 6.9)"),
        (Cell(9148.0, "samples/s", "predicted", 6965.0, 13551.0), "9000 (7000 to 14000)"),
        (Cell(3474.0, "samples/s", "measured", 3408.0, 3541.0), "3470 (3410 to 3540)"),
        (Cell(234.76, "s", "derived", 56.88, 968.95), "230 s (60 to 970)"),
        (Cell(5.0, "x", "predicted", 1e-4, 10.0), "5x (0 to 10)"),
        (Cell(0.0, "x", "measured", -0.1, 0.1), "0.00x (-0.10 to 0.10)"),
        (Cell(600.0, "x", "predicted", -1e9, 1e9), "600x (-1000000000 to 1000000000)"),
        (Cell(10_000, "count"), "10000"),
        (Cell(0.9968, "prob", "derived"), ">99 %"),
        (Cell(0.0001, "prob", "derived"), "<1 %"),
        (Cell(0.3035, "prob", "predicted"), "30 %"),
        (Cell(None, "s"), "-"),
        (Cell("a\nb\x1b"), "a b"),
        (Cell(1e-3, "lr"), "0.001"),
    ],
)
def test_show(cell, text):
    assert str(show(cell)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_numbers_that_are_not_finite_are_unknown(value):
    assert number(value, "s").value is None


def test_rows_fit_their_columns():
    with pytest.raises(ValueError, match="2 columns, but a row of 1"):
        table("t", "T", {"a": "A", "b": "B"}, [(asked(1),)])


def test_escape():
    assert escape("a|b <i> *c* d_e _f_") == r"a\|b &lt;i&gt; \*c\* d_e \_f\_"


def test_clean_keeps_letters_of_all_scripts():
    assert clean("Zürich\t東京") == "Zürich 東京"
