"""What somebody else may have put into the results, or into a configuration: nothing of it runs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_bench.config.load import load
from ray_bench.errors import ConfigError, StoreError
from ray_bench.store import ResultsStore
from ray_bench.store.tables import parsed
from tests.samples import make_data, make_sweep

OTHER = "other"


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def filled(store) -> ResultsStore:
    for sweep_id in (make_sweep().sweep_id, OTHER):
        store.write_sweep(make_sweep(sweep_id=sweep_id, run_ids=("a",)))
        store.write_run(make_data(sweep_id=sweep_id))
    return store


def run_file(store) -> Path:
    return Path(store.root) / "runs" / f"sweep={make_sweep().sweep_id}" / "a.parquet"


def with_column(path: Path, name: str, values: pa.Array, field: pa.Field | None = None) -> None:
    table = pq.read_table(path, partitioning=None)
    index = table.column_names.index(name)
    pq.write_table(table.set_column(index, field or name, values), path)


def pickled(path: Path, target: Path) -> None:
    bomb = pickle.dumps(Bomb(target))
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type"}
    metadata[b"ARROW:extension:metadata"] = bomb
    field = pa.field("status", pa.binary(), metadata=metadata)
    with_column(path, "status", pa.array([bomb]), field)


def row_counts(path: Path, target: Path) -> None:
    """Ten million rows in a few kilobytes."""
    table = pq.read_table(path, partitioning=None).select(["wall_s"])
    writer = pq.ParquetWriter(path, table.schema, compression="zstd")
    part = pa.table({"wall_s": pa.repeat(pa.scalar(1.0), 5_000_000)}, schema=table.schema)
    for _ in range(2):
        writer.write_table(part, row_group_size=5_000_000)
    writer.close()


def giant_metadata(path: Path, target: Path) -> None:
    table = pq.read_table(path, partitioning=None)
    metadata = {**table.schema.metadata, b"x": b"y" * 40_000_000}
    pq.write_table(table.replace_schema_metadata(metadata), path)


HARMS = {
    "pickled objects": pickled,
    "absurd row counts": row_counts,
    "giant metadata": giant_metadata,
    "empty": lambda path, target: path.write_bytes(b""),
    "truncated": lambda path, target: path.write_bytes(path.read_bytes()[:-9]),
    "no Parquet": lambda path, target: path.write_text("import os; os.mkdir('x')"),
    "footer of 2 GiB": lambda path, target: path.write_bytes(
        path.read_bytes()[:-8] + b"\xff\xff\xff\x7fPAR1"
    ),
    "text for numbers": lambda path, target: with_column(path, "wall_s", pa.array(["=1+1"])),
    "null for a number": lambda path, target: with_column(
        path, "wall_s", pa.array([None], pa.float64())
    ),
    "lists for text": lambda path, target: with_column(path, "run_id", pa.array([["a"]])),
    "text that is no UTF-8": lambda path, target: with_column(
        path, "run_id", pa.array([b"\xff\xfe"]).view(pa.string())
    ),
    "a year without calendar": lambda path, target: with_column(
        path, "started_at_utc", pa.array([2**62]).cast(pa.timestamp("us", tz="UTC"))
    ),
    "no workers": lambda path, target: with_column(path, "world_size", pa.array([0])),
    "another sweep": lambda path, target: with_column(path, "sweep_id", pa.array([OTHER])),
    "version in words": lambda path, target: pq.write_table(
        pq.read_table(path, partitioning=None).replace_schema_metadata(
            {b"ray_bench.schema_version": b"__import__('os')"}
        ),
        path,
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_hostile_run_is_named_and_breaks_no_other_sweep(filled, tmp_path, harm):
    path, target = run_file(filled), tmp_path / "executed"
    HARMS[harm](path, target)
    with pytest.raises(StoreError, match=r"a\.parquet"):
        filled.read(make_sweep().sweep_id)
    assert [run.run_id for run in filled.read(OTHER).runs] == ["a"]
    found = {x.sweep_id: x.num_done for x in filled.summaries()}
    assert found[OTHER] == 1
    assert not target.exists()


@pytest.mark.parametrize("harm", ["pickled objects", "absurd row counts", "giant metadata"])
def test_a_hostile_sweep_breaks_no_other(filled, tmp_path, harm):
    path = Path(filled.root) / "sweeps" / f"{make_sweep().sweep_id}.parquet"
    run_file(filled).replace(path)
    HARMS[harm](path, tmp_path / "executed")
    with pytest.raises(StoreError, match=path.name):
        filled.read(make_sweep().sweep_id)
    assert filled.read(OTHER).sweep.sweep_id == OTHER
    assert [sweep.sweep_id for sweep in filled.sweeps()] == [OTHER]
    assert not (tmp_path / "executed").exists()


def test_a_copy_of_a_run_counts_once(filled):
    path = run_file(filled)
    path.with_name("zzz.parquet").write_bytes(path.read_bytes())
    sweep_id = make_sweep().sweep_id
    assert len(filled.read(sweep_id).runs) == 1
    assert {x.sweep_id: x.num_done for x in filled.summaries()}[sweep_id] == 1


def test_names_lead_nowhere(store, tmp_path):
    """A sweep or run may be called anything: its files stay below the results."""
    for name in ("../../outside", "/etc/outside", "a\x00b", "con", "..", "$(touch x)"):
        store.write_sweep(make_sweep(sweep_id=name, run_ids=(name,)))
        store.write_run(make_data(sweep_id=name, run_id=name))
        assert store.read(name).runs[0].run_id == name
    assert {path.name for path in tmp_path.iterdir()} <= {"results", "state"}


def test_two_run_ids_never_share_a_file(store):
    store.write_run(make_data(run_id="a", attempt=2))
    store.write_run(make_data(run_id="a-a2"))
    runs = store.runs(make_sweep().sweep_id)
    assert sorted((run.run_id, run.attempt) for run in runs) == [("a", 2), ("a-a2", 1)]


def test_metadata_of_pandas_is_not_unpickled(tmp_path):
    table = pa.table({"run_id": ["a"]}).replace_schema_metadata(
        {b"pandas": pickle.dumps(Bomb(tmp_path / "executed")), b"ray_bench.schema_version": b"1"}
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    with pytest.raises(StoreError, match="somewhere"):
        parsed("runs", sink.getvalue().to_pybytes(), "somewhere")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.mkdir [{}]",
        "!!python/object/new:os.mkdir [[{}]]",
        "!!python/name:os.mkdir {}",
        "!!python/module:os {}",
        "!!python/object:tests.store.test_hostile.Bomb {{path: {}}}",
    ],
)
def test_tags_of_yaml_are_refused(tmp_path, tag):
    target = tmp_path / "executed"
    text = tag.format(target)
    file = tmp_path / "sweep.yaml"
    file.write_text(f"workload: {text}\n")
    with pytest.raises(ConfigError):
        load(str(file), [])
    with pytest.raises(ConfigError):
        load("demo", [f"workload={text}"])
    assert not target.exists()
