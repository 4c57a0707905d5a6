"""The simulation of the equivalence test prints a row for everything it asks."""

import json

from benchmarks import equivalence


def test_rates_are_near_what_was_planned(capsys):
    assert equivalence.main(["--sweeps", "4000", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    planned = [row for row in rows if row["planned"] is not None]
    assert len({row["what"] for row in rows}) == 11
    assert all(abs(row["rate"] - row["planned"]) < 0.04 for row in planned)


def test_reference_points_are_read_from_a_file(tmp_path, capsys):
    points = [{"job": "made up", "batch": [10, 20, 40], "mean": [11, 12, 14], "fit": {"Bc": 100}}]
    path = tmp_path / "rcp.json"
    path.write_text(json.dumps({"points": points}), encoding="utf-8")
    assert equivalence.main(["--reference", str(path)]) == 0
    assert "| made up | 3 | 100 (100 to 100) | 100 | 0.0 %" in capsys.readouterr().out
