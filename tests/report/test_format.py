import pytest

from ray_bench.report.cells import Cell, asked, number, table
from ray_bench.report.format import clean, seconds, show
from ray_bench.report.markdown import escape


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000 us"),
        (2.5e-5, "25.00 us"),
        (0.559, "559.0 ms"),
        (218.53, "218.5 s"),
        (2469.67, "41.16 min"),
        (7200, "2.000 h"),
    ],
)
def test_seconds(value, text):
    assert seconds(value) == text.replace("0.000", "0")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell(1.7853, "x", "measured", 1.71, 1.876), "1.79x (1.71 to 1.88)"),
        (Cell(0.44, "frac", "predicted"), "44.0 % p"),
        (Cell(-0.0031, "points", "measured", -0.017, 0.011), "-0.3 pp (-1.7 to +1.1)"),
        (Cell(2**30, "bytes", "measured"), "1.000 GiB"),
        (Cell(1.0234, "money", "derived", currency="USD"), "1.02 USD d"),
        (Cell(1e-12, "money", "derived", currency="USD"), "0.00000000 USD d"),
        (Cell(64, "count"), "64"),
        (Cell(7.5, "count"), "7.5"),
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
