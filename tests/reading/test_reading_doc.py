"""Every example of docs/reading.md does what the page says."""

import json
import re
import shlex
from pathlib import Path

import pytest

from ray_bench.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
BLOCK = re.compile(r"(?:`([\w.]+)`\n\n```text\n(.*?)```)|(?:```console\n(.*?)```)", re.S)


def examples():
    """Yield the files that the page has shown so far, a command, and what it says."""
    files = {}
    for name, text, session in BLOCK.findall(PAGE.read_text()):
        if name:
            files[name] = text
        for part in re.split(r"^\$ ray-bench fit ", session, flags=re.M)[1:]:
            command, *lines = part.splitlines()
            yield pytest.param(dict(files), command, lines, id=command)


@pytest.mark.parametrize(("files", "command", "lines"), list(examples()))
def test_examples(files, command, lines, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        Path(name).write_text(text)
    with pytest.raises(SystemExit):
        main(["fit", *shlex.split(command), "--format", "json"])
    out, err = capsys.readouterr()
    assert lines == (err.splitlines() if err else json.loads(out)["read"])


def test_the_page_has_examples_of_both_kinds():
    said = [param.values[2][0] for param in examples()]
    assert sum(x.startswith("error: ") for x in said) > 5
    assert sum(x.startswith("read: ") for x in said) > 10
