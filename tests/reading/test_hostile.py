"""Files that want to harm: large ones, deep ones, ones that a terminal would obey."""

import io
import json
import zipfile

import openpyxl
import pytest

from ray_bench.cli.main import main
from ray_bench.errors import AnalysisError, RayBenchError
from ray_bench.reading.curves import read_curves


def test_control_characters_never_reach_the_terminal(capsys, file):
    text = "world_size,\x1b[31mthroughput,me\x07thod\n"
    text += "1,9,\x1b]0;a\x07\n2,18,\x1b]0;a\x07\n1,5,b\u202e\n2,8,b\u202e\n"
    for options in (
        [],
        ["--format", "md"],
        ["--where", "method=none"],
        ["--column", "speedup=\x1b[2J"],
    ):
        with pytest.raises(SystemExit):
            main(["fit", file(text), *options])
        shown = "".join(capsys.readouterr())
        assert shown
        assert not {ch for ch in shown if ch in "\x1b\x07\u202e"}


def zipped(**parts):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, size in parts.items():
            with archive.open(f"xl/{name}.xml", "w") as part:
                for _ in range(size):
                    part.write(bytes(1_000_000))
    return sink.getvalue()


def test_a_zip_bomb_is_not_unpacked(read):
    with pytest.raises(AnalysisError, match="unpacks to 250 MB"):
        read(zipped(sheet1=125, sheet2=125), "bomb.xlsx")


def test_a_sheet_that_says_it_is_enormous(tmp_path):
    book = openpyxl.Workbook()
    for row in (["GPUs", "img/s"], [1, 100], [2, 190]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as source:
        parts = {name: source.read(name) for name in source.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b'ref="A1:B3"' in parts[sheet]
    parts[sheet] = parts[sheet].replace(b'ref="A1:B3"', b'ref="A1:XFD1048576"')
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as target:
        for name, content in parts.items():
            target.writestr(name, content)
    assert dict(read_curves([str(tmp_path / "b.xlsx")]).curves[0].values) == {1: (100,), 2: (190,)}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_hundred_thousand_columns(read, form):
    names = [f"c{i}" for i in range(100_000)]
    text = ",".join(names) + "\n" + ",".join("1" for _ in names)
    if form == "json":
        text = json.dumps([dict.fromkeys(names, 1)])
    with pytest.raises(AnalysisError, match="100000 columns"):
        read(text, f"a.{form}")


HOSTILE = {
    "deep.json": "[" * 200_000,
    "deep objects.json": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "nested.json": '[{"a":' + '{"a":' * 50 + "1" + "}" * 50 + "}]",
    "digits.json": '[{"world_size": 1, "throughput": 1' + "0" * 5000 + "}]",
    "digits.csv": "world_size,throughput\n1" + "0" * 5000 + ",1\n2,3\n",
    "rate.csv": "world_size,throughput\n1,1" + "0" * 5000 + "\n2,3\n",
    "exponent.csv": "world_size,throughput\n1,1e999\n2,3\n",
    "quote.csv": 'world_size,throughput\n1,"' + "9" * 200_000 + "\n",
    "nul.csv": "world_size,throughput\n1,\0\n",
    "bool.json": '[{"world_size": true, "throughput": true}, {"world_size": 2, "throughput": 3}]',
    "null.json": '[{"world_size": null, "throughput": null}]',
    "text.json": '[{"world_size": "; rm -rf", "throughput": "=cmd|1"}]',
    "nan.json": '[{"world_size": NaN, "throughput": 1}, {"world_size": Infinity, "throughput": 1}]',
    "same.csv": "GPUs,GPUs\n1,2\n",
    "commas.csv": ",,,,\n,,,,\n",
    "spaces.txt": " \n \n",
    "colon.csv": "GPUs,epoch time\n1,99:99\n2,1:1\n",
    "marks.csv": "GPUs,img/s\n1,1.2.3\n2,1.2.4\n",
    "both.csv": "GPUs;img/s\n1;1.234,5\n2;2,345.6\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nonsense_ends_in_one_sentence(file, name):
    with pytest.raises(RayBenchError) as caught:
        read_curves([file(HOSTILE[name], name)])
    words = str(caught.value)
    assert len(words) < 700
    assert words.isprintable()
    assert words.endswith(".")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_million_rows(tmp_path, form):
    import subprocess
    import sys

    line = {
        "csv": "{},{:.4f},ddp\n",
        "jsonl": '{{"world_size": {}, "img/s": {:.4f}, "m": "ddp"}}\n',
    }[form]
    path = tmp_path / f"a.{form}"
    with path.open("w") as out:
        out.write("world_size,img/s,m\n" if form == "csv" else "")
        out.writelines(
            line.format(2 ** (i % 6), 2 ** (i % 6) * (99 + i % 2999 / 1e3)) for i in range(10**6)
        )
    code = (
        "import sys, time, resource\n"
        "from ray_bench.reading.curves import read_curves\n"
        "read_curves([sys.argv[1]])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, time.process_time())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    megabytes, seconds = map(float, done.stdout.split())
    assert megabytes < 500
    assert seconds < 30  # 8 s on an idle core
