"""The reports of the golden store are those that were looked at when they were checked in."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path

import pytest

from ray_bench.report.json_report import json_report
from ray_bench.report.markdown import markdown_report
from tests.golden.make import FOLDER, STORE, golden_report

REFRESH = "look at the difference; where it is wanted: python -m tests.golden.make"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
#: Relative difference of numbers that fits, bootstraps and rounding may make between machines.
JSON_TOLERANCE, TEXT_TOLERANCE = 1e-4, 2e-3
MAX_BYTES = 300_000


def differences(ours: object, theirs: object, path: str = "$") -> list[str]:
    """Where two JSON documents differ by more than rounding."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = [*ours, *(key for key in theirs if key not in ours)]
        return [
            x for key in keys for x in differences(ours.get(key), theirs.get(key), f"{path}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [x for i, pair in pairs for x in differences(*pair, f"{path}[{i}]")]
    return [] if _is_same(ours, theirs) else [f"{path}: {ours!r}, was {theirs!r}"]


def _is_same(ours: object, theirs: object) -> bool:
    if isinstance(ours, str) and isinstance(theirs, str):
        return same_text(ours, theirs)
    is_number = [isinstance(x, int | float) and not isinstance(x, bool) for x in (ours, theirs)]
    return (
        ours == pytest.approx(theirs, rel=JSON_TOLERANCE, abs=1e-9)
        if all(is_number)
        else (ours == theirs and type(ours) is type(theirs))
    )


def same_text(ours: str, theirs: str) -> bool:
    """Whether two texts are equal but for the last digits of their numbers."""
    if ours == theirs:
        return True
    if _NUMBER.sub("#", ours) != _NUMBER.sub("#", theirs):
        return False
    pairs = zip(_NUMBER.findall(ours), _NUMBER.findall(theirs), strict=True)
    return all(_same_number(a, b) for a, b in pairs)


def _same_number(ours: str, theirs: str) -> bool:
    last_digit = 10.0 ** -len(theirs.partition(".")[2]) if "e" not in theirs else 0.0
    away = abs(float(ours) - float(theirs))
    return away <= max(1.01 * last_digit, TEXT_TOLERANCE * abs(float(theirs)))


def test_markdown_is_as_it_was():
    ours = markdown_report(golden_report()).splitlines()
    theirs = (FOLDER / "report.md").read_text().splitlines()
    pairs = zip(ours, theirs, strict=False)
    same = len(ours) == len(theirs) and all(same_text(a, b) for a, b in pairs)
    shown = "\n".join(difflib.unified_diff(theirs, ours, "checked in", "now", n=0, lineterm=""))
    assert same, f"{REFRESH}\n{shown}"


def test_json_is_as_it_was():
    ours = json.loads(json_report(golden_report()))
    found = differences(ours, json.loads((FOLDER / "report.json").read_text()))
    assert not found, "\n".join([REFRESH, *found[:20]])


@pytest.mark.parametrize(
    ("ours", "theirs", "is_same"),
    [
        ("5.93x (5.85 to 5.98)", "5.93x (5.85 to 5.99)", True),
        ("5.93x", "6.15x", False),
        ("1.00x", "1.02x", False),
        ("8 workers", "16 workers", False),
        ("3 workers", "3 runs", False),
        ("5.93x", "5.93 s", False),
        ("44.0 %", "43.9 %", True),
        ("218.5 s", "122.4 s", False),
    ],
)
def test_only_rounding_is_forgiven(ours, theirs, is_same):
    assert same_text(ours, theirs) is is_same


def test_a_number_that_changed_is_found():
    document = json.loads((FOLDER / "report.json").read_text())
    changed = json.loads((FOLDER / "report.json").read_text())
    cell = changed["screens"][0]["numbers"]["quantities"][0]["cells"][1]
    cell["value"] *= 1.001
    del changed["legend"]
    assert [x.partition(":")[0] for x in differences(document, changed)] == [
        "$.screens[0].numbers.quantities[0].cells[1].value",
        "$.legend",
    ]


def test_the_store_is_small_and_knows_no_machine():
    files = [path for path in STORE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_BYTES
    names = {path.relative_to(STORE).parts[0] for path in files}
    assert names >= {"sweeps", "runs", "epochs", "blocks", "phases", "environments", "network"}
    text = (FOLDER / "report.json").read_text()
    assert '"host-a"' in text
    assert not re.search(r"/(?:home|root|tmp|work|Users)/", text)
    assert str(Path.home()) not in text
