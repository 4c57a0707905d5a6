"""Nobody takes a finished sentence apart to get at what was known before it was made."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ray_bench.report

ROOT = Path(ray_bench.report.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
#: What takes text apart.
APART = {
    *("split", "rsplit", "splitlines", "partition", "rpartition", "startswith", "endswith"),
    *("removeprefix", "removesuffix", "find", "match", "fullmatch", "search"),
}
#: Text that is no sentence of a report: what is taken apart, and of what.
ALLOWED = {
    "charts/__init__.py": "SVG files that were drawn before, for what is in their first line",
    "configured.py": "the command of a sweep, whether it is ours",
    "csv_report.py": "code, into lines",
    "failures.py": "tracebacks, into lines",
    "drawing/rows.py": "formatted numbers, for signs that are set as minus and times",
    "fit_curves.py": "the name of a file at the beginning of what was read",
    "format.py": "the category of a Unicode character",
    "html/drawings.py": "fields of rows, by their suffixes",
    "html/figures.py": "names of recorded fields, for their units",
    "markdown_text.py": "any text, for characters that Markdown would act on; code, into lines",
    "commands.py": "the command of a sweep, for its settings",
    "markdown.py": "any text, for characters that Markdown would act on; code, into lines",
    "pictures/scaling.py": "the title of a law",
    "sections/environment.py": "names of recorded facts, for their units",
    "sections/waterfall.py": "names of evidence, for their units",
    "terminal.py": "headings and cells, for their width; code, into lines",
}


def taken_apart(tree: ast.AST) -> set[str]:
    """The methods that take text apart, and regular expressions."""
    calls = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    imports = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    return (calls & APART) | (imports & {"re"})


@pytest.mark.parametrize("path", MODULES, ids=lambda x: str(x.relative_to(ROOT)))
def test_no_sentence_is_taken_apart(path):
    name = str(path.relative_to(ROOT))
    if name in ALLOWED:
        return
    assert taken_apart(ast.parse(path.read_text())) == set()


def test_a_sentence_that_is_taken_apart_is_seen():
    code = "import re\ndef lead(answer):\n    return answer.partition('.')[0]"
    assert taken_apart(ast.parse(code)) == {"re", "partition"}
