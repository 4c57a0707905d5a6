"""The pages in docs/ say what the code does: tables, columns, units, names, constants, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ray_bench.analysis import blocks, phases, verdict
from ray_bench.analysis.comparison.interval import LAUNCH_NOISE_FRAC
from ray_bench.analysis.decision import advice, draws, next_run
from ray_bench.analysis.fit import forecast, law_fit
from ray_bench.analysis.network import POOR_RESIDUAL_FRAC
from ray_bench.config.groups import MeasureConfig, WorkloadDefaults
from ray_bench.measure import network, totals
from ray_bench.records import FLAGS, PHASES
from ray_bench.stats import log_estimate
from ray_bench.store.schema import SCHEMA_VERSION, SCHEMAS, UNIT_KEY
from ray_bench.train import phase_pass
from ray_bench.workloads.catalog import BUILTIN

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
TYPES = {
    "double": "float",
    "timestamp[us, tz=UTC]": "timestamp",
    "list<item: string not null>": "list of string",
    "list<item: double not null>": "list of float",
}


def section(page: Path, title: str) -> str:
    """The text below a heading, up to the next one."""
    _, _, rest = page.read_text().partition(f"\n## {title}\n")
    assert rest, f"{page.name} has no section {title!r}"
    return re.split(r"^#+ ", rest, flags=re.MULTILINE)[0]


def tables(text: str) -> Iterator[list[list[str]]]:
    """The Markdown tables of a text: their lines as cells, heading and rule included."""
    lines = [line.removeprefix("> ") for line in text.splitlines()]
    for chunk in re.split(r"\n(?!\|)|\A(?!\|)", "\n".join(lines)):
        rows = [line for line in chunk.splitlines() if line.startswith("|")]
        if rows:
            yield [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def rows(page: Path, title: str) -> list[list[str]]:
    """The rows of a section's only table."""
    (table,) = tables(section(page, title))
    return table[2:]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_is_documented_with_its_unit(name):
    written = [row[:4] for row in rows(DOCS / "results.md", name)]
    stored = [
        [
            f"`{column.name}`",
            TYPES.get(str(column.type), str(column.type)),
            (column.metadata or {}).get(UNIT_KEY, b"-").decode(),
            "yes" if column.nullable else "no",
        ]
        for column in SCHEMAS[name]
    ]
    assert written == stored
    assert all(row[4] for row in rows(DOCS / "results.md", name))


def test_every_flag_is_documented():
    assert rows(DOCS / "results.md", "Flags") == [[f"`{key}`", FLAGS[key]] for key in FLAGS]


def test_every_phase_is_documented():
    written = [row[0] for row in rows(DOCS / "results.md", "Phases of a step")]
    assert written == [f"`{phase}`" for phase in PHASES]


def test_the_schema_version_is_that_of_the_code():
    assert f"(now {SCHEMA_VERSION})" in (DOCS / "results.md").read_text()


def test_terms_of_the_glossary_are_names_in_the_code():
    code = "\n".join(path.read_text() for path in (ROOT / "ray_bench").rglob("*.py"))
    (table,) = tables((DOCS / "glossary.md").read_text())
    for term, name, *_ in table[2:]:
        assert re.search(rf"(?<!\w){re.escape(name.strip('`'))}(?!\w)", code), f"{term}: {name}"


@pytest.mark.parametrize(
    "words",
    [
        f"{law_fit.NUM_DRAWS} data sets are drawn",
        f"a probability below {law_fit.MISFIT_PROBABILITY:.0%}",
        f"at most {blocks.MAX_BATCHES} batches",
        f"Below {blocks.MIN_BATCHES} batches there is no interval",
        f"differ by more than {totals.CLOCK_TOLERANCE_FRAC:.0%}",
        f"more than {phases.TOLERANCE_FRAC:.0%} from that of the throughput pass",
        f"upper bound of efficiency is {verdict.GOOD_EFFICIENCY_FRAC:.0%} or more",
        f"the share of {draws.NUM_DRAWS} joint draws",
        f"doublings up to {forecast.MAX_FACTOR} times the largest measured",
        f"within {advice.TIE_FRAC:.0%} of each other",
        f"if any gains {100 * next_run.MIN_GAIN:.0f} point or more",
        f"about {network.SECONDS_A_SIZE:g} s of samples, {network.MIN_SAMPLES} at least",
        f"said in words above {POOR_RESIDUAL_FRAC:.0%}",
        f"There {LAUNCH_NOISE_FRAC:.0%} is assumed",
    ],
)
def test_numbers_of_the_method_are_those_of_the_code(words):
    text = re.sub(r"\s+", " ", (DOCS / "method.md").read_text()).replace(" %", "%")
    assert words in text


def test_numbers_in_words_are_those_of_the_code():
    assert log_estimate.MIN_MEAN_RUNS == 2  # "two runs a world size or more, on average"
    assert phase_pass.UNRECORDED_STEPS == 3  # "three steps before it are not recorded"
    assert MeasureConfig().block_s == 0.25  # README: "blocks of about 0.25 s"
    assert MeasureConfig().phase_steps == 20  # README: "a separate pass of 20 steps"


def test_the_defaults_of_a_workload_are_documented():
    values = WorkloadDefaults().model_dump()
    assert values.pop("use_gpu") is None
    *first, last = (x if isinstance(x, str) else f"{x:g}" for x in values.values())
    words = f"What is left out is {', '.join(first)} and {last}."
    assert words in (DOCS / "workloads.md").read_text()


def test_every_workload_is_documented():
    text = section(DOCS / "workloads.md", "Data sets that ray_bench reads")
    with_data = {name for name, info in BUILTIN.items() if info.dataset is not None}
    assert set(re.findall(r"`([a-z0-9]+-[a-z0-9-]+)`", text)) >= with_data
    assert "## emulated" in (DOCS / "workloads.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert "://" in link or (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_valid_markdown(page):
    for table in tables(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        heading, rule = table[0], table[1]
        assert all(re.fullmatch(r":?-+:?", cell) for cell in rule), rule
        assert {len(row) for row in table} == {len(heading)}, heading


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_are_plain_ascii(page):
    assert page.read_text().isascii()
