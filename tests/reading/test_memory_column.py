"""Peak memory in the tables and logs of other people, and its forecast beside that of speed."""

from __future__ import annotations

import pytest

from ray_bench.reading.curves import read_curves
from ray_bench.report.fit_memory import CurveMemory

HEAD = "GPUs,global_batch_size,images/s"


def curve_of(tmp_path, header, cells):
    file = tmp_path / "runs.csv"
    rows = [f"{n},256,{n * 90},{x}" for n, x in zip((1, 2, 4, 8), cells, strict=True)]
    file.write_text("\n".join([f"{HEAD},{header}", *rows]))
    (curve,) = read_curves([str(file)]).curves
    return curve


@pytest.mark.parametrize(
    ("header", "cells", "first"),
    [
        ("peak_memory_bytes", (8e9, 5e9, 3e9, 2e9), 8e9),
        ("Max GPU memory (GiB)", (8, 5, 3, 2), 8 * 2**30),
        ("GPU Mem [MB]", (8000, 5000, 3000, 2000), 8e9),
        ("memory", ("8 GB", "5 GB", "3 GB", "2 GB"), 8e9),
        ("VRAM_mib", (8192, 5000, 3000, 2000), 2**33),
    ],
)
def test_columns_of_memory_are_found_with_their_unit(tmp_path, header, cells, first):
    curve = curve_of(tmp_path, header, cells)
    assert curve.peak_memory_bytes[1] == (pytest.approx(first),)
    assert list(curve.peak_memory_bytes) == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("memory", (8, 5, 3, 2)),  # of nothing that is told
        ("gpu_memory_util", (0.8, 0.5, 0.3, 0.2)),
        ("peak_memory_bytes", (-1, 5e9, 3e9, 2e9)),
        ("peak_memory_bytes", ("much", 5e9, 3e9, 2e9)),
    ],
)
def test_what_tells_no_bytes_is_not_read(tmp_path, header, cells):
    assert curve_of(tmp_path, header, cells).peak_memory_bytes == {}


def test_blank_cells_are_left_out(tmp_path):
    curve = curve_of(tmp_path, "peak_memory_bytes", ("", 5e9, 3e9, 2e9))
    assert list(curve.peak_memory_bytes) == [2, 4, 8]


def test_the_batch_of_another_world_size_tells_its_memory():
    strong = CurveMemory.of({n: (1e9 + 2.56e9 / n,) for n in (2, 4, 8)}, {2: 128, 4: 64, 8: 32})
    assert strong.batch_at(1) == 256
    assert strong.at(1).value == pytest.approx(3.56e9)
    assert strong.at(512) is None  # less than a sample each
    weak = CurveMemory.of({2: (3e9,), 4: (3e9,)}, {2: 32, 4: 32})
    assert weak.at(64).value == pytest.approx(3e9)
    mixed = CurveMemory.of({2: (3e9,), 4: (5e9,)}, {2: 32, 4: 48})
    assert mixed.at(8) is None
    assert CurveMemory.of({2: (3e9,)}, {}) is None


def test_the_notes_of_a_log_are_said_and_the_runs_make_a_curve(tmp_path):
    paths = []
    for n in (1, 2, 4):
        lines = [f"using world size: {n}, data-parallel size: {n}, tensor-model-parallel size: 1"]
        for k in range(1, 12):
            ms = 4000 if k == 1 else 400 / n
            lines.append(
                f" iteration {k:8d}/ 11 | elapsed time per iteration (ms): {ms:.1f} |"
                " global batch size: 64 |"
            )
        paths.append(tmp_path / f"run{n}.log")
        paths[-1].write_text("\n".join(lines))
    reading = read_curves([str(path) for path in paths])
    (curve,) = reading.curves
    assert {n: x[0] for n, x in curve.values.items()} == pytest.approx({1: 160, 2: 320, 4: 640})
    assert any("the first 2 left out as warm-up" in words for words in reading.said)
