"""Drawings have every number where it is, keep to the frame, and are the same in page and file."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from ray_bench.report import charts, drawing
from ray_bench.report.drawing import curve
from ray_bench.report.drawing.html import html
from ray_bench.report.drawing.marks import FULL, Area, Dot, Line, apart, clip
from ray_bench.report.drawing.rows import typeset
from ray_bench.report.drawing.scales import linear_ticks, log_ticks, time_unit
from ray_bench.report.drawing.tokens import COLOURS
from ray_bench.report.html.first import grid, overlaid
from ray_bench.report.picture import Picture
from tests.report.edge_cases import EDGES, edge_report
from tests.report.reports import report_of
from tests.report.test_charts import contrast

HOSTILE = "<script>alert(1)</script> ' \" </svg> \x00 \u202e"


def of(report, key) -> Picture:
    """A picture of a report or of its first screen."""
    panels = (panel.picture for screen in report.screens for panel in screen.panels)
    return next(x for x in (*report.pictures, *panels) if x.key == key)


def drawings(report):
    panels = (panel.picture for screen in report.screens for panel in screen.panels)
    return {x.key: x for x in (*report.pictures, *panels) if charts.is_drawing(x)}


def dots(frames) -> list[Dot]:
    return [x for frame in frames for x in frame.marks if isinstance(x, Dot)]


def words(frames) -> list[str]:
    return [x.text for frame in frames for x in frame.words]


@pytest.mark.parametrize("case", EDGES)
def test_every_picture_is_drawn_inside_its_frame(case):
    for key, picture in drawings(edge_report(case)).items():
        frames = drawing.frames(picture)
        assert dots(frames), key
        for frame in frames:
            for mark in frame.marks:
                places = mark.points if isinstance(mark, Line | Area) else ((mark.x, mark.y),)
                assert all(-0.01 <= z <= FULL + 0.01 for place in places for z in place), key
        document = charts.svg(picture)
        assert ET.fromstring(document).tag.endswith("svg")
        assert "nan" not in document.lower().replace("finance", "")


def test_the_curve_has_a_dot_for_every_number_in_the_column_of_its_size():
    picture = of(report_of("golden"), "speedup")
    (frame,) = curve.draw(picture, sizes=[1, 2, 4, 8, 16, 32], chosen=4, is_alone=False)
    found = dots([frame])
    said = sorted(x.says for x in found)
    assert [x.partition(":")[0] for x in said] == [
        *("1 worker", "16 workers", "2 workers", "32 workers", "4 workers", "8 workers")
    ]
    assert "4 workers: 3.47\u00d7 (3.41 to 3.54)" in said
    assert {round(x.x, 2) for x in found} == {round((i + 0.5) / 6 * 1000, 2) for i in range(6)}
    by_place = sorted(found, key=lambda x: x.x)
    assert [x.is_hollow for x in by_place] == [False] * 3 + [True] * 3
    assert [x.has_ring for x in by_place] == [False, False, True, False, False, False]
    # Both axes double: twice the speedup is as far up as twice before.
    steps = [by_place[0].y - by_place[1].y, by_place[1].y - by_place[2].y]
    assert 0 < steps[1] < steps[0] < 190
    assert "4 workers: 3.47\u00d7" in words([frame])


def test_a_band_that_leaves_the_frame_says_so_and_a_forecast_ends_where_nothing_is_said():
    picture = of(edge_report("two_sizes"), "speedup")
    rows = tuple(
        {**x, "speedup_high": 900.0} if x["series"] == "forecast" else x for x in picture.rows
    )
    (frame,) = curve.draw(replace(picture, rows=rows), sizes=[1, 2, 4, 64])
    assert "\u2191" in words([frame])
    assert words([frame]).count("no forecast") == 1
    (band,) = (x for x in frame.marks if isinstance(x, Area))
    assert min(y for _, y in band.points) == 0
    assert max(x for x, _ in band.points) < FULL * 0.75


def test_oversubscribed_sizes_have_another_mark_and_no_line():
    (frame,) = drawing.frames(of(edge_report("oversubscribed"), "speedup"))
    crosses = [x for x in frame.marks if isinstance(x, Dot) and x.shape == "cross"]
    assert len(crosses) == 2
    assert all("no claim" in x.says for x in crosses)
    assert "no claim" in words([frame])
    ends = {x.points[-1] for x in frame.marks if isinstance(x, Line) and x.colour == "data"}
    assert not ends & {(x.x, x.y) for x in crosses}


def test_intervals_of_time_and_money_lean():
    frames = drawing.frames(of(report_of("golden"), "front"))
    thin = [x for x in frames[0].marks if isinstance(x, Line) and x.width == 1.25]
    assert len(thin) == 3
    for line in thin:
        (x0, y0), (x1, y1) = line.points
        assert x1 > x0
        assert y1 < y0


def test_the_waterfall_starts_where_the_bar_before_ends():
    picture = of(report_of("golden"), "waterfall")
    (frame,) = drawing.frames(picture)
    bars = [x for x in frame.marks if isinstance(x, Line) and x.width == 12]
    assert len(bars) == len(picture.rows) - 2
    for before, after in itertools.pairwise(bars):
        assert after.points[0][0] == pytest.approx(before.points[1][0])
    assert {x.colour for x in bars} == {"s2", "s3"}
    assert "\u22129.9" in words([frame])


def test_accuracy_has_both_parts_and_lines_that_end_together_share_a_name():
    frames = drawing.frames(of(report_of("golden"), "accuracy_kept"))
    assert len(frames) == 2
    assert {"2 workers", "4 workers", "all of them"} <= set(words(frames))
    many = words(drawing.frames(of(edge_report("ten_sizes"), "accuracy_kept")))
    assert max(map(len, many)) < 30
    assert "1 more: in the table" in many


def test_several_curves_differ_without_colour():
    screens = edge_report("several_curves").screens
    assert len(screens) > 2
    picture = overlaid(screens)
    (frame,) = curve.draw(picture)
    names = [x.name for x in screens]
    assert set(names) <= set(words([frame]))
    solid = {x.shape for x in dots([frame]) if not x.is_hollow}
    assert len(solid) == len(screens)
    dashes = {x.dash for x in frame.marks if isinstance(x, Line) and x.dash and x.width == 2}
    assert len(dashes) == len(screens)


def test_columns_of_several_curves_are_all_sizes_and_numbers_are_the_first_ones():
    screens = edge_report("several_curves").screens
    found = grid(screens)
    sizes = {x.world_size for screen in screens for x in screen.numbers.sizes}
    assert [x.world_size for x in found.columns] == sorted(sizes)
    assert all(len(row.cells) == len(sizes) for row in found.rows)


def test_page_and_file_have_the_same_geometry_and_words():
    picture = of(report_of("golden"), "speedup")
    frames = drawing.frames(picture)
    page, document = html(frames), charts.svg(picture)
    for text in words(frames):
        assert f">{text}<" in page
        assert f">{text}<" in document
    assert page.count("<circle") == document.count("<circle")
    assert page.count("<path") == document.count("<path")
    assert set(re.findall(r"var\(--([\w-]+)\)", page)) <= COLOURS["light"].keys()


@pytest.mark.parametrize("write", [lambda p: html(drawing.frames(p)), charts.svg])
def test_words_of_users_are_words(write):
    front = of(report_of("golden"), "front")
    rows = tuple({**x, "currency": HOSTILE, "per": HOSTILE} for x in front.rows)
    text = write(replace(front, rows=rows, title=HOSTILE, alt=HOSTILE))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\x00" not in text
    assert "\u202e" not in text


def test_a_drawing_becomes_an_image_in_both_themes():
    picture = of(report_of("golden"), "speedup")
    for theme in ("light", "dark"):
        assert charts.png(picture, theme).startswith(b"\x89PNG")
    assert COLOURS["dark"]["bg"] in charts.svg(picture, "dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_of_every_pair_is_enough(theme):
    """WCAG 2.2: 4.5 for text, 3 for marks and edges."""
    colours = COLOURS[theme]
    texts = ("ink", "ink2", "ink3", "data", "s2", "s3", "s4", "ok", "warn", "bad")
    for behind in ("bg", "surface"):
        assert {
            x: contrast(colours[x], colours[behind])
            for x in texts
            if contrast(colours[x], colours[behind]) < 4.5
        } == {}
        assert contrast(colours["ideal"], colours[behind]) >= 3
        assert contrast(colours["edge"], colours[behind]) >= 3
    assert contrast(colours["warn"], colours["warn-bg"]) >= 4.5
    assert contrast(colours["ink"], colours["sunken"]) >= 4.5
    assert contrast(colours["data"], colours["sunken"]) >= 4.5


def test_ticks_units_and_labels():
    assert linear_ticks(0, 1.06, 6) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert log_ticks(15, 320) == [30, 100, 300]
    assert len(log_ticks(1.02, 1.9)) >= 2
    assert (time_unit(300)[1], time_unit(601)[1], time_unit(8000)[1]) == ("s", "min", "h")
    assert (time_unit(0.5)[1], time_unit(1e-5)[1]) == ("ms", "us")
    assert typeset("-0.2 pp, 3.47x (-1 to +2), 24.7 %") == (
        "\u22120.2 pp, 3.47\u00d7 (\u22121 to +2), 24.7\u00a0%"
    )
    assert typeset("resnet18-cifar10 2x1 max-4") == "resnet18-cifar10 2x1 max-4"


def test_labels_are_moved_apart_and_lines_are_cut_at_the_frame():
    assert apart([500, 505, 990, 995], 50) == [500, 550, 950, 1000]
    assert clip(((-500, 500), (500, 500))) == ((0, 500), (500, 500))
    assert clip(((-5, -5), (-1, 2000))) == ()
    assert clip(((0, 0), (2000, 2000)))[1] == (1000, 1000)
