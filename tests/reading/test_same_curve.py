"""One curve, written in any format, unit and synonym, comes back the same."""

import io
import json
import math
import tempfile
from pathlib import Path

import openpyxl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ray_bench.cli.curves import measured_of
from ray_bench.reading.choices import Choices
from ray_bench.reading.curves import read_curves

SIZES = ("GPUs", "#GPUs", "# of GPUs", "num_gpus", "world_size", "Workers", "n_procs", "ranks")
BATCH = 48


def per_epoch(_, x):
    return 60_000 / x


#: Header -> what its cell says of world size and images/s; step times come with a batch.
QUANTITIES = {
    "images/s": lambda n, x: x,
    "Throughput (img/sec)": lambda n, x: x,
    "total_samples_per_second": lambda n, x: x,
    "images/min": lambda n, x: 60 * x,
    "images/s/GPU": lambda n, x: x / n,
    "tokens_per_sec_per_device": lambda n, x: 512 * x / n,
    "ms/step": lambda n, x: 1e3 * BATCH * n / x,
    "step_time_s": lambda n, x: BATCH * n / x,
    "it/s": lambda n, x: x / BATCH / n,
    "s/it": lambda n, x: BATCH * n / x,
    "Epoch time (min)": lambda n, x: per_epoch(n, x) / 60,
    "sec/epoch": per_epoch,
    "epochs/hour": lambda n, x: 3600 / per_epoch(n, x),
    "Training time (h)": lambda n, x: 30 * per_epoch(n, x) / 3600,
    "Speedup": lambda n, x: x / 7,
    "Parallel efficiency (%)": lambda n, x: x / n / 7,
    "ms per image": lambda n, x: 1e3 / x,
}
STEPS = ("ms/step", "step_time_s", "it/s", "s/it")


def separated(delimiter, comma):
    def write(header, rows):
        lines = [header, *([_text(x, comma) for x in row] for row in rows)]
        return "\n".join(delimiter.join(line) for line in lines).encode()

    return write


def _text(value, comma=False):
    text = value if isinstance(value, str) else f"{value:.6f}" if value % 1 else f"{value:.0f}"
    return text.replace(".", ",") if comma else text


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *([_text(x) for x in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).encode()


def dicts(header, rows):
    return [dict(zip(header, row, strict=True)) for row in rows]


def excel(header, rows):
    book, sink = openpyxl.Workbook(), io.BytesIO()
    for row in [header, *rows]:
        book.active.append(row)
    book.save(sink)
    return sink.getvalue()


def arrow(header, rows):
    sink = io.BytesIO()
    columns = zip(*rows, strict=True)
    parquet.write_table(pa.table({x: list(y) for x, y in zip(header, columns, strict=True)}), sink)
    return sink.getvalue()


FORMATS = {
    "a.csv": separated(",", comma=False),
    "b.csv": separated(";", comma=True),
    "c.tsv": separated("\t", comma=False),
    "d.tsv": separated("\t", comma=True),
    "e.md": markdown,
    "f.json": lambda header, rows: json.dumps(dicts(header, rows)).encode(),
    "g.jsonl": lambda header, rows: "\n".join(map(json.dumps, dicts(header, rows))).encode(),
    "h.json": lambda header, rows: json.dumps(
        {x: list(y) for x, y in zip(header, zip(*rows, strict=True), strict=True)}
    ).encode(),
    "i.xlsx": excel,
    "j.parquet": arrow,
    "k.csv": lambda header, rows: (
        separated(",", comma=False)(header, rows).decode().encode("utf-16")
    ),
}


@st.composite
def curves(draw):
    """Return images/s by world size: each doubling keeps 70 to 100 %."""
    first = draw(st.sampled_from([1, 2, 4]))
    kept = draw(st.lists(st.floats(0.7, 1.0), min_size=1, max_size=4))
    found, rate = {first: draw(st.floats(20, 5000))}, 1.0
    for i, share in enumerate(kept, 1):
        rate *= 2 * share
        found[first * 2**i] = found[first] * rate
    return found


@settings(max_examples=150, deadline=None)
@given(
    curve=curves(),
    quantity=st.sampled_from(sorted(QUANTITIES)),
    name=st.sampled_from(sorted(FORMATS)),
    size=st.sampled_from(SIZES),
    extra=st.lists(
        st.sampled_from(["loss", "seed", "peak_memory_gb", "run_id", "lr"]), unique=True, max_size=2
    ),
    data=st.data(),
)
def test_the_same_curve_comes_back(curve, quantity, name, size, extra, data):
    batch = ["batch per GPU"] if quantity in STEPS else []
    header = [size, quantity, *batch, *extra]
    rows = [
        [
            n,
            QUANTITIES[quantity](n, x),
            *[BATCH] * len(batch),
            *(i + 0.5 for i, _ in enumerate(extra, n)),
        ]
        for n, x in curve.items()
    ]
    rows = data.draw(st.permutations(rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(FORMATS[name](header, rows))
        (found,) = read_curves([str(path)], Choices()).curves
    rates = {n: math.exp(x.log_mean) for n, x in measured_of(found, None).throughput.items()}
    assert list(rates) == list(curve)
    base = next(iter(curve))
    for n, x in curve.items():
        assert math.isclose(rates[n] / rates[base], x / curve[base], rel_tol=1e-3)
