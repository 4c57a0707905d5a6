"""Charts are valid, draw every row, look the same each time, and take words for words."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import altair as alt
import pytest
import vl_convert

from ray_bench.report import charts
from ray_bench.report.charts.pieces import log_ticks, nice_ticks
from ray_bench.report.charts.theme import _PALETTES
from ray_bench.report.model import build_report
from ray_bench.report.picture import Picture
from ray_bench.report.picture_fields import shown
from tests.analysis.test_noise_curve import planted
from tests.report.reports import CASES, report_of
from tests.synthetic import synthetic

#: A picture of every kind that Vega-Lite draws, and those that are drawn another way.
PICTURES = {
    **{f"golden {x.key}": x for x in report_of("golden").pictures if not charts.is_drawing(x)},
    **{f"rules {x.key}": x for x in report_of("rules").pictures if x.chart == "learning"},
    **{f"noise {x.key}": x for x in report_of("noise").pictures if x.chart == "batch"},
    **{
        f"{len(seeds)} seeds {x.key}": x
        for seeds in ((0,), (0, 1, 2, 3))
        for x in build_report(planted(seeds=seeds)).pictures
        if x.chart == "noise_curve"
    },
}
KINDS = {
    "batch",
    "stack",
    "heatmap",
    "learning",
    "clock",
    "allreduce",
    "noise_curve",
}


def drawn_rows(spec):
    """Rows of the data sets of a chart, by data set."""
    return list(spec["datasets"].values())


def test_every_kind_of_chart_is_tried():
    assert {picture.chart for picture in PICTURES.values()} == KINDS


@pytest.mark.parametrize("name", PICTURES)
def test_charts_are_valid_and_draw_every_row(name):
    picture = PICTURES[name]
    for spec in (charts.vega_lite(picture), charts.vega_lite(picture, width=500, has_title=True)):
        alt.LayerChart.from_dict(spec)  # against the schema of Vega-Lite, configuration included
        assert spec["description"] == picture.alt
        (rows,) = (x for x in drawn_rows(spec) if len(x) == len(picture.rows))
        for drawn, row in zip(rows, picture.rows, strict=True):
            assert drawn.items() >= row.items()
    assert "title" not in charts.vega_lite(picture)


@pytest.mark.parametrize("name", PICTURES)
def test_charts_render_without_a_warning(name, capfd):
    spec = charts.vega_lite(PICTURES[name], width=charts.WIDTH, has_title=True)
    svg = vl_convert.vegalite_to_svg(spec, show_warnings=True, allowed_base_urls=[])
    assert "".join(capfd.readouterr()) == ""
    assert "NaN" not in svg
    assert ET.fromstring(svg).tag.endswith("svg")


@pytest.mark.parametrize("name", PICTURES)
def test_tooltips_show_numbers_as_the_tables_do(name):
    spec = charts.vega_lite(PICTURES[name])
    found = [
        layer["encoding"]["tooltip"] for layer in spec["layer"] if "tooltip" in layer["encoding"]
    ]
    assert found
    (rows,) = (x for x in drawn_rows(spec) if len(x) == len(PICTURES[name].rows))
    for tip in (tip for tips in found for tip in tips):
        field = tip["field"].removesuffix("_text")
        for row in rows:
            assert row[tip["field"]] == str(shown(row, field))


def test_numbers_in_tooltips_have_units_and_intervals():
    row = {"speedup": 1.934, "speedup_low": 1.91, "speedup_high": 1.96, "train_s": 0.5, "cost": 1.5}
    row |= {"currency": "EUR", "num_bytes": 2**21, "is_front": True, "change_points": -0.125}
    names = ("speedup", "train_s", "cost", "num_bytes", "is_front", "change_points")
    assert [str(shown(row, name)) for name in names] == [
        *("1.93x (1.91 to 1.96)", "500 ms", "1.50 EUR", "2 MiB", "yes", "-12.5 pp")
    ]


def test_only_the_configuration_depends_on_the_theme():
    for picture in {x.chart: x for x in PICTURES.values()}.values():
        light, dark = (charts.vega_lite(picture, theme_name=x) for x in ("light", "dark"))
        assert light.pop("config") == charts.theme("light")
        assert dark.pop("config") == charts.theme("dark")
        assert light == dark
        assert not re.search(r"#[0-9a-fA-F]{6}", json.dumps(light)), "a colour beside the theme"


def test_a_chart_is_as_wide_as_its_element_or_as_asked():
    picture = PICTURES["golden phases"]
    assert charts.vega_lite(picture)["width"] == "container"
    assert charts.vega_lite(picture, width=300)["width"] == 300


def test_the_same_results_give_the_same_bytes():
    first, again = (build_report(synthetic((1, 2, 4))).pictures for _ in range(2))
    assert first == again
    for one, other in zip(first, again, strict=True):
        if charts.is_drawing(one):
            assert charts.svg(one) == charts.svg(other)
        else:
            assert json.dumps(charts.vega_lite(one)) == json.dumps(charts.vega_lite(other))


def test_a_picture_becomes_an_image():
    png = charts.png(PICTURES["golden phases"])
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20]) > 2 * charts.WIDTH


HOSTILE = "<script>alert(1)</script> ${datum.x} datum.x ' + datum.y + ' | </svg> \u202e [x](y)"


def hostile(picture: Picture) -> Picture:
    """The picture with hostile text wherever text from anywhere can be."""
    free = ("run_id", "lr_rule", "phase", "currency", "where")
    rows = [{k: HOSTILE if k in free else v for k, v in row.items()} for row in picture.rows]
    if picture.chart in ("stack", "heatmap"):  # else all phases are one
        rows = [
            {**new, "phase": f"{row['phase']} {HOSTILE}"}
            for new, row in zip(rows, picture.rows, strict=True)
        ]
    return replace(picture, title=HOSTILE, alt=HOSTILE, rows=tuple(rows))


def expressions(node):
    """Everything in a chart that Vega would evaluate."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "signal", "labelExpr", "calculate", "test", "filter"):
                yield json.dumps(value)
            elif key != "datasets":
                yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


@pytest.mark.parametrize("name", [x for x in PICTURES if x.startswith("golden ")])
def test_words_of_users_are_words(name, capfd):
    picture = hostile(PICTURES[name])
    spec = charts.vega_lite(picture, width=charts.WIDTH, has_title=True)
    assert not any("script" in found for found in expressions(spec))
    alt.LayerChart.from_dict(spec)
    root = ET.fromstring(charts.svg(picture))
    assert not [node for node in root.iter() if node.tag.endswith("script")]
    assert any("<script>alert(1)</script>" in (node.text or "") for node in root.iter())
    assert "".join(capfd.readouterr()) == ""


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_contrast_is_enough(name):
    """WCAG 2.2: 3 for what is drawn, 4.5 for text."""
    palette = _PALETTES[name]
    assert all(contrast(x, palette.background) >= 3 for x in palette.category)
    assert all(contrast(x, palette.background) >= 4.5 for x in (palette.ink, palette.muted))
    assert all(contrast(palette.ink, x) >= 4.5 for x in palette.diverging)
    assert len(set(palette.category)) == len(palette.category)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_picture_of_every_report_renders(case, capfd):
    for picture in (x for x in report_of(case).pictures if not charts.is_drawing(x)):
        spec = charts.vega_lite(picture, width=charts.WIDTH)
        svg = vl_convert.vegalite_to_svg(spec, show_warnings=True, allowed_base_urls=[])
        assert "NaN" not in svg, picture.key
    assert "".join(capfd.readouterr()) == ""


def test_ticks_are_round_and_reach_to_the_end():
    assert nice_ticks(9.3) == [0, 2, 4, 6, 8]
    assert nice_ticks(0.5) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert log_ticks(0.6, 9) == [0.5, 1, 2, 5, 10]
