"""Tables of nonsense: each is read, or refused in a sentence; nothing else comes out."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ray_bench.errors import RayBenchError
from ray_bench.reading.choices import Choices
from ray_bench.reading.curves import read_curves

HEADERS = st.sampled_from(
    [
        *("GPUs", "nodes", "gpus_per_node", "img/s", "img/s/GPU", "ms/step", "it/s", "s/epoch"),
        *("time", "runtime", "speedup", "efficiency", "batch_size", "batch_per_gpu", "rank"),
        *("global_batch_size", "unit", "scaling", "method", "loss", "1", "2", "4 GPUs", "", "#"),
        *("step time", "accum", "peak mem (GB)", "T(p)", "name", "epochs"),
    ]
)
CELLS = st.one_of(
    st.sampled_from(
        [
            *("1", "2", "4", "8", "1x8", "2x8", "8 GPUs", "1.5", "1,5", "1.302", "1,302.5", "-"),
            *("", "nan", "OOM", "95%", "1.9x", "1.2k", "12:34", "1:02:03", "3 min", "it/s", "s/it"),
            *("weak", "strong", "single", "ddp", "True", "0", "-3", "1e999", "5 img/s", "\x1b[2J"),
        ]
    ),
    st.integers(-2, 10**20).map(str),
    st.floats(0.01, 1e6).map(str),
    st.text(max_size=6),
)
TABLES = st.lists(HEADERS, min_size=1, max_size=6).flatmap(
    lambda names: st.tuples(
        st.just(names),
        st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), max_size=6),
    )
)
WRITERS = {
    "a.csv": lambda names, rows: "\n".join(",".join(x) for x in [names, *rows]),
    "b.csv": lambda names, rows: "\n".join(";".join(x) for x in [names, *rows]),
    "c.md": lambda names, rows: "\n".join(
        f"|{'|'.join(x)}|" for x in [names, ["---"] * len(names), *rows]
    ),
    "d.json": lambda names, rows: json.dumps([dict(zip(names, x, strict=True)) for x in rows]),
    "e.txt": lambda names, rows: "\n".join("  ".join(x) for x in [names, *rows]),
}
CHOICES = st.builds(
    Choices,
    scaling=st.sampled_from([None, "weak", "strong"]),
    per=st.sampled_from([None, "worker", "total"]),
    decimal=st.sampled_from([None, "comma"]),
    keep_jumps=st.booleans(),
    workers_per_node=st.sampled_from([None, 4]),
)


@settings(max_examples=400, deadline=None)
@given(table=TABLES, name=st.sampled_from(sorted(WRITERS)), choices=CHOICES)
def test_nothing_but_curves_and_sentences(table, name, choices):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_text(WRITERS[name](*table), encoding="utf-8", newline="")
        refusal, found = "", None
        try:
            found = read_curves([str(path)], choices)
        except RayBenchError as err:
            refusal = str(err)
    assert refusal.isprintable()
    if found is None:
        assert refusal.endswith(".")
        return
    assert found.curves
    for curve in found.curves:
        assert len(curve.values) > 1
        assert all(x > 0 for values in curve.values.values() for x in values)
    assert all(line.isprintable() for line in found.said)
