"""The recipes of docs/export.md and docs/python.md run as they are written, on the golden store."""

from __future__ import annotations

import re
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from ray_bench.analysis.per_run import PerRun
from ray_bench.cli.main import main
from ray_bench.store.export import tidy_schema
from ray_bench.store.schema import UNIT_KEY
from tests.golden.make import STORE

DOCS = Path(__file__).parents[1] / "docs"


def recipes(page: str) -> list[str]:
    text = (DOCS / page).read_text()
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with the golden store as `results`, and what the first recipe exports."""
    folder = tmp_path_factory.mktemp("recipes")
    shutil.copytree(STORE, folder / "results")
    for name in ("runs.parquet", "runs.csv"):
        with pytest.raises(SystemExit) as end:
            main(["export", str(folder / "results"), "--output", str(folder / name)])
        assert end.value.code == 0
    return folder


#: What a recipe prints, among other things: numbers that follow from the golden store.
SAID = {
    "results.speedups": "3.47",
    "results.ask(aim=aim)": "fastest 4",
    "results.charts": "'efficiency'",
    'results.tables["phases"]': "Optimizer",
    "pandas.read_csv": "3.47",
    'pandas.read_parquet("results/runs")': "1.93",
    "polars.read_parquet": "3.47",
    "polars.scan_parquet": "exposed_comm",
    "any_value(mean_speedup)": "3.47",
    "slowest": "resnet18-cifar10-w4",
}


@pytest.mark.parametrize("code", [*recipes("export.md"), *recipes("python.md")])
def test_a_recipe_runs(code, exported, monkeypatch, capsys):
    (said,) = [words for start, words in SAID.items() if start in code]
    monkeypatch.chdir(exported)
    exec(compile(code, "recipe", "exec"), {})
    assert said in capsys.readouterr().out


def test_every_recipe_is_looked_at():
    assert len(recipes("export.md")) + len(recipes("python.md")) == len(SAID)


def test_every_column_of_the_tidy_table_is_documented_with_its_unit():
    text = (DOCS / "export.md").read_text()
    table = re.findall(r"^\| `(\w+)` \| (\w+) \| (\S+) \| .+ \|$", text, re.MULTILINE)
    types = {"double": "float"}
    schema = tidy_schema(PerRun)
    want = [
        (x.name, types.get(str(x.type), str(x.type)), (x.metadata or {}).get(UNIT_KEY, b"-"))
        for x in (schema.field(item.name) for item in fields(PerRun))
    ]
    assert table == [(name, kind, unit.decode()) for name, kind, unit in want]
