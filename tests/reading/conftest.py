import json

import pytest

from ray_bench.cli.main import main
from ray_bench.reading.choices import Choices
from ray_bench.reading.curves import read_curves


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(content, name="curve.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture
def read(file):
    """Return a function that reads the curves of a text."""

    def read(content, name="curve.csv", **choices):
        return read_curves([file(content, name)], Choices(**choices))

    return read


@pytest.fixture
def fit(capsys, file):
    """Return a function that runs `ray-bench fit` on a text: exit code, and document or message."""

    def fit(content, *options, name="curve.csv"):
        code = 0
        try:
            main(["fit", file(content, name), "--format", "json", *options])
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return code, json.loads(out, parse_constant=pytest.fail) if code == 0 else err

    return fit
