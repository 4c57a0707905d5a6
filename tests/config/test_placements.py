"""Placements of a sweep: which points they make, what is refused, and that old ids stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ray_bench.config.grid import config_sha256, expand, points_of
from ray_bench.config.labels import is_selector, matches
from ray_bench.config.load import fill_in, load
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ConfigError
from ray_bench.records import Point
from ray_bench.workloads.catalog import BUILTIN

OLD = Point(
    workload="cnn-digits",
    world_size=4,
    scaling="strong",
    lr_rule="linear",
    seed=0,
    precision="fp32",
    is_ddp=True,
    global_batch_size=128,
    local_batch_size=32,
    base_lr=0.1,
    lr=0.1,
)


def config(*overrides: str) -> SweepConfig:
    return fill_in(load(None, ["workload=cnn-digits", *overrides]), BUILTIN["cnn-digits"].defaults)


def places(*overrides: str) -> list[tuple[int, str | None]]:
    return [(point.world_size, point.placement) for point in points_of(config(*overrides))]


def test_ids_and_hashes_of_older_versions_stay():
    """Literals of the version before placements: stored results and resumed sweeps know them."""
    assert OLD.point_id == "cnn-digits-w4-strong-linear-s0-52cc14"
    how = {"memory_format": "contiguous", "compile": "none"}
    newer = replace(OLD, **how, bucket_cap="25", compression="none")
    assert newer.point_id == "cnn-digits-w4-strong-linear-s0-9b874f"
    made = SweepConfig(
        workload="cnn-digits", world_sizes=(1, 2, 4), lr=0.1, batch_size=128, epochs=1
    )
    assert [run.run_id for run in expand(made)] == [
        "cnn-digits-w1-plain-strong-linear-s0-6833b1-r0",
        "cnn-digits-w4-strong-linear-s0-9b874f-r0",
        "cnn-digits-w2-strong-linear-s0-6f9f07-r0",
    ]
    assert config_sha256(made).startswith("b77291635d8ebc41")


def test_a_place_is_part_of_a_point_and_of_its_id():
    asked = [
        OLD,
        replace(OLD, placement="spread"),
        replace(OLD, placement="2x2", num_nodes=2, workers_per_node=2),
        replace(OLD, placement="4x1", num_nodes=4, workers_per_node=1),
    ]
    assert len({point.point_id for point in asked}) == len(asked)
    assert asked[2].point_id.startswith("cnn-digits-w4-2x2-strong-linear-s0-")
    made = config("world_sizes=[1,2]")
    assert config_sha256(made) != config_sha256(config("world_sizes=[1,2]", "placements=pack"))


def test_every_world_size_takes_the_placements_that_fit_it():
    assert places("world_sizes=[1,2,4]", "placements=[pack,SPREAD,2x2]") == [
        (1, None),
        *((2, "pack"), (2, "spread")),
        *((4, "pack"), (4, "spread"), (4, "2x2")),
    ]
    (point,) = points_of(config("world_sizes=[4]", "placements=2x2"))
    assert (point.num_nodes, point.workers_per_node) == (2, 2)


def test_workers_per_node_are_placements_by_another_name():
    asked = ("world_sizes=[1,2,4,8]", "workers_per_node=[1,4]")
    assert places(*asked) == [
        *((1, None), (2, "2x1"), (4, "4x1"), (4, "1x4"), (8, "8x1"), (8, "2x4"))
    ]
    assert "2 on nodes of 4" in config(*asked).placement_note
    assert config("world_sizes=[1,2,4]", "workers_per_node=2").placement_note is None
    one = points_of(config("world_sizes=[4]", "workers_per_node=2"))
    assert one == points_of(config("world_sizes=[4]", "placements=2x2"))


def test_launch_placement_is_that_of_all_points():
    assert places("world_sizes=[1,2]", "launch.placement=SPREAD") == [(1, None), (2, "spread")]
    assert places("world_sizes=[1,2]", "launch.placement=PACK") == [(1, None), (2, None)]
    ladder = ("world_sizes=[1,2]", "launch.placement=SPREAD", "interleaved=true")
    assert places(*ladder) == [(1, None), (2, None)]


def test_one_worker_is_measured_once_with_and_without_ddp():
    found = places("world_sizes=[1,2]", "placements=[pack,spread]", "ddp.at_world_size_one=true")
    assert found.count((1, None)) == 2


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["placements=[packed]"], "must be pack, spread, strict_pack, strict_spread, or NxM"),
        (["placements=[0x2]"], "or NxM"),
        (["placements=[pack,PACK]"], "values must differ"),
        (["placements=[]"], "must have at least one value"),
        (["placements=[4x2]"], "4x2 fits none of the world sizes [1, 2, 4]; add"),
        (["placements=[2x2]"], "no placement fits world size 2; leave it out, or add pack"),
        (["workers_per_node=[0]"], "must have 1 worker or more, got 0"),
        (["workers_per_node=[8]"], "above 1 is a multiple of workers_per_node 8; add one"),
        (["placements=pack", "workers_per_node=1"], "give one of them"),
        (["placements=spread", "launch.placement=SPREAD"], "`launch.placement` both say where"),
        (["placements=spread", "interleaved=true"], "leave out `placements` or `interleaved`"),
        (["placements=[pack,spread]", "stop.half_width=0.1"], "looks at one curve"),
        (["launch.gpu_type=A100", "use_gpu=false"], "`use_gpu=false` for none"),
        (["launch.labels={zone: '-x'}"], "zone must be a word, !word, in(a, b)"),
    ],
)
def test_what_cannot_be_is_refused_with_its_remedy(overrides, words):
    with pytest.raises(ConfigError) as caught:
        config("world_sizes=[1,2,4]", *overrides)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("selector", "fits"),
    [("a", True), ("b", False), ("!b", True), ("in(a, c)", True), ("!in(a,c)", False)],
)
def test_a_node_matches_ray_s_label_selectors(selector, fits):
    assert is_selector(selector)
    assert matches({"ray.io/zone": "a"}, {"ray.io/zone": selector}) == fits


def test_a_label_that_a_node_lacks_matches_only_what_excludes():
    assert not matches({}, {"zone": "a"})
    assert matches({}, {"zone": "!a"})
