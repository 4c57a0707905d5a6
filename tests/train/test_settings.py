"""What changes the speed of a step must not change what is trained."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch.nn import functional

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.records import RunData
from ray_bench.train import prepare
from ray_bench.train.bucket_cap import (
    CANDIDATES_MB,
    buckets_of,
    choose_cap_mb,
    exposed_s,
    line_of,
)
from ray_bench.train.group import Group
from ray_bench.workloads.base import BuildContext, ShardedBatches
from tests.fakes import TinyWorkload
from tests.ranks import run_ranks
from tests.train.test_loop import alone, losses, request, train

PASSES_OFF = {
    "warmup_steps": 0,
    "warmup_s": 0,
    "phase_steps": 0,
    "sync_pairs": 0,
    "checkpoint": False,
}
needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on CPUs: no g++ here"
)


class Convolutions:
    """Two convolutions on random images, without batch statistics; keeps its module for a look."""

    defaults = WorkloadDefaults(batch_size=12, lr=0.1, epochs=2, memory_format="channels_last")

    def build(self, context: BuildContext):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            images = torch.randn(40, 3, 8, 8)
            targets = torch.randint(10, (40,))
            self.module = torch.nn.Sequential(
                torch.nn.Conv2d(3, 8, 3, padding=1),
                torch.nn.ReLU(),
                torch.nn.Conv2d(8, 4, 3, padding=1),
                torch.nn.Flatten(),
                torch.nn.Linear(256, 10),
            )
        images = images.contiguous(memory_format=context.memory_format)
        return self.module, ShardedBatches(images, targets, context), functional.cross_entropy


def run_of(world_size: int = 1, **values):
    measure = {**PASSES_OFF, **values.pop("measure", {})}
    return request(world_size, measure=measure, epochs=2, **values)


@pytest.mark.parametrize("memory_format", ["channels_last", "contiguous"])
def test_the_layout_of_the_weights_is_the_one_asked_for(memory_format):
    workload = Convolutions()
    run = train(run_of(memory_format=memory_format), workload, alone()).run
    weight = workload.module[2].weight
    assert weight.is_contiguous(memory_format=torch.channels_last) is (
        memory_format == "channels_last"
    )
    assert run.point.memory_format == memory_format


def test_both_layouts_train_the_same_model():
    last = train(run_of(memory_format="channels_last"), Convolutions(), alone())
    plain = train(run_of(memory_format="contiguous"), Convolutions(), alone())
    assert losses(last) == pytest.approx(losses(plain), rel=1e-4)


def compressed_and_not(group: Group):
    found = []
    for compression in ("none", "bf16"):
        workload = Convolutions()
        settings = {"compression": compression, "bucket_cap_mb": 0.001}
        data = train(run_of(2, ddp=settings, measure={"phase_steps": 3}), workload, group)
        weights = torch.cat([p.detach().flatten() for p in workload.module.parameters()])
        found.append((data, weights.tolist()))
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return run_ranks(compressed_and_not, 2, tmp_path_factory.mktemp("ranks"))


def test_compressed_gradients_train_what_whole_ones_train_within_bf16(both):
    (whole, _), (halved, _) = both[0]
    assert losses(halved) != losses(whole)
    assert losses(halved) == pytest.approx(losses(whole), rel=2e-2)  # bf16 has 8 bits: 0.4 %


def test_compressed_gradients_leave_all_ranks_with_the_same_weights(both):
    assert both[0][1][1] == both[1][1][1]


def test_compressed_gradients_are_half_the_bytes_in_records_and_buckets(both):
    (whole, _), (halved, _) = both[0]
    assert halved.run.grad_bytes * 2 == whole.run.grad_bytes
    sizes = [sum(b.num_bytes for b in data.buckets) for data in (whole, halved)]
    assert sizes[1] * 2 == sizes[0] > 0


def test_a_cap_is_recorded_and_given_to_ddp(both):
    (whole, _), _ = both[0]
    assert whole.run.bucket_cap_mb == 0.001
    assert whole.run.point.bucket_cap == "0.001"
    assert len({b.bucket for b in whole.buckets}) > 1


def test_without_ddp_there_is_neither_cap_nor_compression():
    point = train(run_of(ddp={"compression": "bf16"}), TinyWorkload(), alone()).run
    assert (point.bucket_cap_mb, point.point.bucket_cap, point.point.compression) == (None,) * 3


def test_auto_measures_and_all_ranks_take_the_same_cap(tmp_path):
    def job(group: Group) -> RunData:
        return train(run_of(2, ddp={"bucket_cap_mb": "auto"}), Convolutions(), group)

    runs = [data.run for data in run_ranks(job, 2, tmp_path)]
    assert runs[0].bucket_cap_mb == runs[1].bucket_cap_mb
    assert runs[0].bucket_cap_mb in CANDIDATES_MB
    assert runs[0].point.bucket_cap == "auto"


def test_choosing_a_cap_changes_nothing_of_the_training(tmp_path):
    def job(group: Group) -> list[float]:
        auto = train(run_of(2, ddp={"bucket_cap_mb": "auto"}), Convolutions(), group)
        given = train(run_of(2), Convolutions(), group)
        return [*losses(auto), *losses(given)]

    first, second, *given = run_ranks(job, 2, tmp_path)[0]
    assert [first, second] == pytest.approx(given, rel=1e-6)


MIB = 2**20
#: 40 gradients of 1 MiB, one every 2.5 ms: a backward pass of 100 ms.
EVEN = [(0.0025 * (i + 1), MIB) for i in range(40)]


def test_buckets_are_closed_when_they_are_full():
    assert [size // MIB for _, size in buckets_of(EVEN, 10.0)] == [10] * 4
    assert [ready for ready, _ in buckets_of(EVEN, 10.0)] == pytest.approx(
        [0.025, 0.05, 0.075, 0.1]
    )
    assert [size // MIB for _, size in buckets_of(EVEN, 25.0)] == [1, 25, 14]  # DDP's first: 1 MiB


def test_exposed_time_is_what_the_backward_pass_does_not_hide():
    assert exposed_s([(0.1, 10), (0.2, 10)], 0.05, 0.0) == pytest.approx(0.05)
    assert exposed_s([(0.1, 10), (0.2, 10)], 0.0, 0.02) == pytest.approx(0.3)  # 0.1 + 0.4 - 0.2


@pytest.mark.parametrize(
    ("fixed_s", "s_per_byte", "cap_mb"),
    [
        (1e-6, 1e-10, 1.0),  # quick link: only the last bucket shows, the smaller the better
        (0.5, 1e-10, 100.0),  # latency above all: one message
        (0.02, 4e-9, 25.0),  # 20 ms a bucket against what small ones hide: 1, 25 and 14 MiB
    ],
)
def test_the_cap_that_exposes_least_is_chosen(fixed_s, s_per_byte, cap_mb):
    chosen = choose_cap_mb(EVEN, fixed_s, s_per_byte)
    least = min(exposed_s(buckets_of(EVEN, c), fixed_s, s_per_byte) for c in CANDIDATES_MB)
    assert exposed_s(buckets_of(EVEN, chosen), fixed_s, s_per_byte) <= least * 1.01
    assert chosen == cap_mb


def test_the_line_of_an_all_reduce_is_found_back():
    times = {size: [1e-4 + 2e-9 * size] * 5 for size in (4, 2**14, 2**20, 2**24)}
    assert line_of(times) == pytest.approx((1e-4, 2e-9))


class Wide(TinyWorkload):
    """Three layers of 1 MiB: DDP's compiler takes no bucket below that."""

    def build(self, context: BuildContext):
        _, batches, loss_fn = super().build(context)
        with torch.random.fork_rng():
            torch.manual_seed(5)
            layers = [torch.nn.Linear(8, 512), *(torch.nn.Linear(512, 512) for _ in range(3))]
            return torch.nn.Sequential(*layers, torch.nn.Linear(512, 10)), batches, loss_fn


def compiled(mode: str, group: Group) -> tuple[RunData, int]:
    from torch._dynamo.backends.distributed import DDPOptimizer

    cut = []
    compile_fn = DDPOptimizer.compile_fn

    def watched(self, gm, example_inputs):
        found = compile_fn(self, gm, example_inputs)
        cut.append(len(self.buckets))
        return found

    DDPOptimizer.compile_fn = watched
    measure = {"phase_steps": 2, "sync_pairs": 1 if group.world_size > 1 else 0}
    run = run_of(group.world_size, compile=mode, ddp={"bucket_cap_mb": 1}, measure=measure)
    data = train(run, Wide(), group)
    DDPOptimizer.compile_fn = compile_fn
    return data, max(cut, default=0)


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("world_size", [1, 2])
def test_a_compiled_module_trains_the_same_and_its_graph_is_cut_for_overlap(tmp_path, world_size):
    def job(group: Group):
        return compiled("none", group), compiled("default", group)

    (eager, _), (data, num_parts) = run_ranks(job, world_size, tmp_path)[0]
    assert losses(data) == pytest.approx(losses(eager), rel=1e-4)
    assert eager.run.compile_s is None
    assert data.run.compile_s > 0.1  # inductor starts a C++ compiler
    assert data.run.setup_s < data.run.compile_s + eager.run.setup_s + 5
    if world_size == 2:
        assert num_parts > 1
        assert len({b.bucket for b in data.buckets}) > 1


class Searches(TinyWorkload):
    """Notes whether cuDNN would search for kernels, by samples, in each pass."""

    def build(self, context: BuildContext):
        self.seen: set[tuple[str, int, bool]] = set()
        module, batches, loss_fn = super().build(context)
        module.register_forward_hook(self.note)
        return module, batches, loss_fn

    def note(self, module, inputs, outputs):
        count = len(outputs)
        self._add("forward" if module.training else "evaluation", count)
        if outputs.requires_grad:
            outputs.register_hook(lambda _: self._add("backward", count))

    def _add(self, name: str, count: int) -> None:
        self.seen.add((name, count, torch.backends.cudnn.benchmark))

    def evaluate(self, module: torch.nn.Module, context: BuildContext):
        module.eval()
        return super().evaluate(module, context)


def test_kernels_are_searched_for_whole_training_batches_alone(monkeypatch):
    """A search takes seconds, and a last batch or an evaluation comes once an epoch."""
    monkeypatch.setattr(prepare, "_depends_on_shape", lambda point, group: True)  # as on CUDA
    workload = Searches()  # 50 samples: four batches of 12, and one of 2
    train(request(epochs=2), workload, alone())
    searched = {("forward", 12, True), ("backward", 12, True)}
    assert workload.seen == searched | {
        ("forward", 2, False),
        ("backward", 2, False),
        ("evaluation", 50, False),
    }
