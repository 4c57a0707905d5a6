"""Every format of a table, and several files at once."""

import datetime
import json

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from ray_bench.errors import AnalysisError, ConfigError, CorruptDataError, MissingDataError
from ray_bench.reading.choices import Choices
from ray_bench.reading.curves import read_curves

SIZES, RATES = [1, 2, 4], [100.5, 190.25, 361.0]
VALUES = {n: (x,) for n, x in zip(SIZES, RATES, strict=True)}
ROWS = [{"GPUs": n, "img/s": x} for n, x in zip(SIZES, RATES, strict=True)]


def only(reading):
    (curve,) = reading.curves
    return dict(curve.values)


@pytest.fixture
def book(tmp_path):
    def write(name="runs.xlsx", **sheets):
        work = openpyxl.Workbook()
        work.remove(work.active)
        for title, rows in sheets.items():
            sheet = work.create_sheet(title)
            for row in rows:
                sheet.append(row)
        work.save(tmp_path / name)
        return str(tmp_path / name)

    return write


TEXTS = {
    "comma.csv": "GPUs,img/s\n1,100.5\n2,190.25\n4,361\n",
    "semicolon.csv": "GPUs;img/s\n1;100,5\n2;190,25\n4;361\n",
    "tab.tsv": "GPUs\timg/s\n1\t100.5\n2\t190.25\n4\t361\n",
    "pipe.csv": "GPUs|img/s\n1|100.5\n2|190.25\n4|361\n",
    "blanks.txt": "GPUs   img/s\n1      100.5\n2      190.25\n4      361\n",
    "table.md": "# Runs\n\nSome | words\n\n| GPUs | img/s |\n|---:|:--|\n| 1 | **100.5** |\n"
    "| 2 | `190.25` |\n| 4 | 361 |\n\nMore words.\n",
    "bare.md": "GPUs | img/s\n--- | ---\n1 | 100.5\n2 | 190.25\n4 | 361\n",
    "grid.txt": "+---+---+\n| GPUs | img/s |\n+---+---+\n| 1 | 100.5 |\n| 2 | 190.25 |\n"
    "| 4 | 361 |\n+---+---+\n",
    "title.csv": "Runs of Monday,\n\nGPUs,img/s,\n1,100.5,\n2,190.25,\n4,361,\n",
    "windows.csv": "GPUs;img/s;Gerät\r\n1;100,5;ä\r\n2;190,25;ä\r\n4;361;ä\r\n".encode("cp1252"),
    "list.json": json.dumps(ROWS),
    "lists.json": json.dumps({"GPUs": SIZES, "img/s": RATES, "model": "r50"}),
    "lines.jsonl": "\n".join(map(json.dumps, ROWS)),
    "pandas.json": json.dumps(
        {key: {str(i): row[key] for i, row in enumerate(ROWS)} for key in ("GPUs", "img/s")}
    ),
    "split.json": json.dumps(
        {
            "columns": ["GPUs", "img/s"],
            "index": [0, 1, 2],
            "data": [*map(list, zip(SIZES, RATES, strict=True))],
        }
    ),
    "pandas.csv": ",GPUs,img/s\n0,1,100.5\n1,2,190.25\n2,4,361.0\n",
    "inside.json": json.dumps({"host": "a", "runs": ROWS}),
    "by_size.json": json.dumps({str(n): {"img/s": x} for n, x in zip(SIZES, RATES, strict=True)}),
    "nested.json": json.dumps(
        [{"env": {"GPUs": r["GPUs"]}, "out": {"img/s": r["img/s"]}} for r in ROWS]
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(read, name):
    assert only(read(TEXTS[name], name)) == VALUES


def test_parquet_and_excel(tmp_path, book):
    table = pa.table({"GPUs": SIZES, "img/s": RATES, "ranks": [[1], [1, 2], []]})
    parquet.write_table(table, tmp_path / "runs.parquet")
    assert only(read_curves([str(tmp_path / "runs.parquet")])) == VALUES
    lines = [
        ["Runs of Monday"],
        [],
        ["GPUs", None, "img/s"],
        *([n, None, x] for n, x in VALUES.items()),
    ]
    lines = [[x[0] if isinstance(x, tuple) else x for x in line] for line in lines]
    found = read_curves([book(Notes=[["nothing"]], Runs=lines)])
    assert only(found) == VALUES


def test_times_in_excel_are_times(book):
    rows = [
        ["GPUs", "Epoch time"],
        [1, datetime.time(0, 20, 0)],
        [2, datetime.timedelta(minutes=11)],
        [4, "0:06:00"],
    ]
    assert only(read_curves([book(Runs=rows)])) == {
        1: (3.0,),
        2: (pytest.approx(60 / 11),),
        4: (10.0,),
    }


def test_sheets_are_chosen(book):
    rows = [["GPUs", "img/s"], *([n, x[0]] for n, x in VALUES.items())]
    path = book(A=rows, B=[*rows[:-1], [4, 300.0]])
    with pytest.raises(AnalysisError, match="several sheets with tables: A, B"):
        read_curves([path])
    assert only(read_curves([path], Choices(sheet="A"))) == VALUES
    with pytest.raises(AnalysisError, match="no sheet 'C'"):
        read_curves([path], Choices(sheet="C"))


def test_a_formula_is_never_computed(book):
    path = book(Runs=[["GPUs", "img/s"], [1, "=50*2"], [2, 190.0], [4, 361.0]])
    with pytest.raises(AnalysisError, match="cell B2 is a formula without a value"):
        read_curves([path])


def test_excel_without_the_extra(book, monkeypatch):
    import sys

    from ray_bench.errors import MissingExtraError

    path = book(Runs=[["GPUs", "img/s"], [1, 100.0]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"ray-bench\[excel\]"):
        read_curves([path])


def test_several_files_are_one_table(file):
    paths = [file(f'{{"img/s": {x[0]}, "GPUs": {n}}}', f"{n}.json") for n, x in VALUES.items()]
    assert only(read_curves(paths)) == VALUES
    other = file("workers,images per sec\n8,700\n", "eight.csv")
    assert only(read_curves([*paths, other])) == VALUES | {8: (700.0,)}


def test_a_world_size_before_the_file(file):
    paths = [f"{n}=" + file(f'{{"img/s": {x[0]}}}', f"{n}.json") for n, x in VALUES.items()]
    assert only(read_curves(paths)) == VALUES
    nodes = [f"{n}x8=" + file(f'{{"img/s": {x[0]}}}', f"{n}.json") for n, x in VALUES.items()]
    found = read_curves(nodes)
    assert (list(only(found)), found.curves[0].workers_per_node) == ([8, 16, 32], 8)
    with pytest.raises(ConfigError, match="has a column 'world_size' itself"):
        read_curves(["2=" + file("world_size,img/s\n1,2\n")])


def test_names_before_files_are_curves(file):
    one, two = (file(f"GPUs,img/s\n1,{x}\n2,{2 * x}\n", f"{x}.csv") for x in (10, 20))
    assert [x.name for x in read_curves([f"old={one}", f"new={two}"]).curves] == ["old", "new"]


def test_a_file_with_an_equals_sign_is_itself(file):
    assert only(read_curves([file("GPUs,img/s\n1,10\n2,20\n", "lr=0.1.csv")])) == {
        1: (10,),
        2: (20,),
    }


@pytest.mark.parametrize(
    ("content", "name", "error", "words"),
    [
        ("", "a.csv", AnalysisError, "is empty"),
        ("GPUs,img/s\n", "a.csv", AnalysisError, "has no rows"),
        ("hello\nworld\n", "a.log", AnalysisError, "no table and no log"),
        ("GPUs,img/s\n1,2,3\n", "a.csv", AnalysisError, "3 cells under 2 columns"),
        ("1", "a.json", AnalysisError, "list of objects"),
        ("[1, 2]", "a.json", AnalysisError, "list of objects"),
        ('{"GPUs": [1, 2], "img/s": [1]}', "a.json", AnalysisError, "equally long"),
        ('{"a": 1}\n{"a": 1}\n{"a', "a.jsonl", CorruptDataError, "line 3 is not JSON"),
        ('{"a": 1}\n[1]\n', "a.jsonl", AnalysisError, "line 2: every line has to be an object"),
        (b"\x89PNG\r\n", "a.csv", CorruptDataError, "it is a picture"),
        (b"\x00\x01\x02\x03", "a.csv", CorruptDataError, "not text"),
        (b"PK\x03\x04", "a.csv", CorruptDataError, "a zip archive"),
        (b"PK\x03\x04", "a.xlsx", CorruptDataError, "not Excel"),
        ("a,b", "a.xls", ConfigError, "has to end in"),
    ],
)
def test_files_that_are_no_table(file, content, name, error, words):
    with pytest.raises(error, match=words):
        read_curves([file(content, name)])


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(ConfigError, match="is a folder"):
        read_curves([str(tmp_path)])
    with pytest.raises(MissingDataError, match="no file"):
        read_curves([str(tmp_path / "a.csv")])
