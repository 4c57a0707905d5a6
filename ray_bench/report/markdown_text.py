"""The pieces of Markdown: escaped text, rows, code. Text may come from anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from ray_bench.report.format import clean, clean_line
from ray_bench.report.picture import Picture

#: Characters that Markdown or HTML would act on wherever they stand.
_SPECIAL = re.compile(r"([\\`*\[\]<>|~$&])|(?<![^\W_])(_)|(_)(?![^\W_])")
#: Characters that make a heading, list or rule at the start of a line.
_LINE_START = re.compile(r"^(\s*)([#+-]|\d+[.)](?=\s|$)|=+$)")
#: The same and more as entities: some forges read Markdown within HTML.
_IN_HTML = re.compile(r"[\\`*_\[\]()<>|~$&@#\"']")
_ENTITY = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def escape(words: str) -> str:
    """Return text in which nothing is markup."""
    return _SPECIAL.sub(_escaped, clean(words))


def _escaped(match: re.Match[str]) -> str:
    char = match.group()
    return _ENTITY.get(char, f"\\{char}")


def paragraph(words: str) -> str:
    """Return text that stands at the start of a line."""
    return _LINE_START.sub(r"\1\\\2", escape(words))


def in_html(words: str) -> str:
    """Return text for a line of HTML, where Markdown's own escapes would be seen."""
    return _IN_HTML.sub(lambda match: f"&#{ord(match.group())};", clean(words))


def row(cells: Sequence[str]) -> str:
    """Return a row of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def code_block(code: str, language: str = "") -> Iterator[str]:
    """Yield the lines of a block whose fence is longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}{language}", *(clean_line(x) for x in code.splitlines()), fence, "")


def image(picture: Picture, path: str) -> Iterator[str]:
    """Yield a picture with its words."""
    yield from (f"![{escape(picture.alt)}]({quote(path)})", "")
    if picture.notes:
        yield from (paragraph(" ".join(picture.notes)), "")
