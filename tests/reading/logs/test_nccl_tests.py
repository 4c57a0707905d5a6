"""Output of all_reduce_perf in the forms of several versions, with other numbers."""

from __future__ import annotations

import numpy as np
import pytest

from ray_bench.analysis.network import network_study
from ray_bench.errors import DataError, MissingDataError
from ray_bench.reading.logs import read_log
from ray_bench.reading.logs.nccl_tests import read_network
from tests.network_samples import ring_s

SIZES = [2**k for k in range(10, 31, 4)]
NAMES = "size count type redop root time algbw busbw {wrong} time algbw busbw {wrong}"


def table(ranks: int, *, root: str = "-1", wrong: str = "#wrong", alpha=5e-6, beta=5e-12) -> str:
    lines = ["# nThread 1 nGpus 1 minBytes 8 maxBytes 128", f"# {NAMES.format(wrong=wrong)}"]
    lines.append("# (B) (elements) (us) (GB/s) (GB/s) (us) (GB/s) (GB/s)")
    for size in SIZES:
        seconds = ring_s(ranks, size, alpha, beta)
        rate = 1e-9 * size / seconds
        cells = f"{1e6 * seconds:.1f} {rate:.2f} {rate * 2 * (ranks - 1) / ranks:.2f} 0"
        lines.append(f" {size} {size // 4} float sum {root} {cells} {cells}")
    return "\n".join([*lines, "# Avg bus bandwidth    : 70.7", ""])


def hosts(ranks: int, nodes: int, group: str = "Group  0 ") -> str:
    per_node = ranks // nodes
    lines = (
        f"#  Rank {r:2} {group}Pid   {100 + r} on  node-{r // per_node} device  {r % per_node} "
        "[0000:07:00] NVIDIA H100 80GB HBM3"
        for r in range(ranks)
    )
    return "# Using devices\n" + "\n".join(lines) + "\n"


@pytest.fixture
def read(tmp_path):
    def of(text: str, **values):
        file = tmp_path / "all_reduce_perf.txt"
        file.write_text(text)
        return read_network(file, **values)

    return of


@pytest.mark.parametrize("ranks", [3, 4, 8, 16, 64])
def test_the_bandwidths_tell_the_ranks_and_alpha_and_beta_come_out(read, ranks):
    columns = read(table(ranks))
    assert set(columns["world_size"]) == {ranks}
    assert set(columns["num_nodes"]) == {0}
    ring = network_study(columns).links[0].ring
    assert ring.fixed_s.value == pytest.approx(5e-6, rel=0.02)
    assert ring.s_per_byte.value == pytest.approx(5e-12, rel=0.02)


@pytest.mark.parametrize("group", ["Group  0 ", ""], ids=["2.13", "2.8"])
def test_the_lines_of_the_ranks_tell_ranks_nodes_and_device(read, group):
    columns = read(hosts(16, 2, group) + table(16, wrong="error"))
    assert set(columns["world_size"]) == {16}
    assert set(columns["num_nodes"]) == {2}
    assert set(columns["device"]) == {"NVIDIA H100 80GB HBM3"}
    assert network_study(columns).links[0].is_inter_node


def test_out_of_place_and_in_place_are_two_samples(read):
    columns = read(table(8))
    assert (np.unique(columns["num_bytes"], return_counts=True)[1] == 2).all()


def test_several_runs_in_a_file_are_several_world_sizes(read):
    study = network_study(read(table(4) + table(8)))
    assert [group.world_size for group in study.links[0].groups] == [4, 8]


def test_workers_of_a_node_are_told_where_the_file_does_not(read):
    assert set(read(table(16), workers_per_node=8)["num_nodes"]) == {2}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no table of nccl-tests"),
        ("size,time\n1,2\n", "has no table of nccl-tests"),
        (table(16, root="0"), "not that of an all-reduce"),
        ("# Collective test starting: all_gather_perf\n" + table(16), "not that of an all-reduce"),
        (table(4).replace("sum -1", "none -1").replace("0.0", "9.9"), "not that of an all-reduce"),
        (hosts(8, 1) + table(16), "lists 8 ranks, and busbw / algbw is that of 16"),
        (table(2), "does not tell the number of ranks"),
        (table(1024), "does not tell the number of ranks"),
        (table(16).replace("time", "cputime"), "without -C"),
    ],
    ids=range(9),
)
def test_what_is_no_all_reduce_is_explained(read, text, words):
    with pytest.raises(DataError, match=words):
        read(text)


def test_many_ranks_are_read_where_they_are_listed(read):
    assert set(read(hosts(1024, 128) + table(1024))["world_size"]) == {1024}


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(MissingDataError, match="There is no file"):
        read_network(tmp_path / "x.txt")


def test_it_is_no_training_log(tmp_path):
    file = tmp_path / "perf.txt"
    file.write_text(table(16))
    with pytest.raises(DataError, match=r"ray-bench predict --network perf\.txt"):
        read_log(file.read_text(), file)
