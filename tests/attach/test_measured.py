"""What is measured of a script beside its steps: evaluations, numbers by name, work, energy."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import ray_bench
from ray_bench.attach import progress
from ray_bench.attach.ending import EarlyEnd
from ray_bench.attach.flops import FlopWindow
from ray_bench.attach.samples import Count, Step
from ray_bench.journals.convert import attached_run
from ray_bench.measure import instruments
from tests.attach.attached import Attached, loader, loss_of, train


@pytest.fixture
def net():
    return nn.Linear(3, 1)


def run_of(attached):
    return attached_run(attached.session.folder, sweep_id="s", run_id="r")


class Time:
    """Stands still but for what a script is said to do."""

    seconds = 0

    def perf_counter_ns(self):
        return self.seconds * 10**9


@pytest.fixture
def clock(monkeypatch):
    found = Time()
    monkeypatch.setattr(progress, "time", found)
    return found


def evaluate(net, clock, *, has_loader, leaves_mode):
    if leaves_mode:
        net.eval()
    with torch.no_grad():
        for batch in loader(12) if has_loader else [next(iter(loader(12)))]:
            loss_of(net, batch)
    clock.seconds += 5
    if has_loader:
        list(loader(4))  # ends, and nothing was trained on it
    if leaves_mode:
        net.train()


@pytest.mark.parametrize(
    ("has_loader", "leaves_mode"), [(True, True), (True, False), (False, True)]
)
def test_evaluations_are_told_apart_with_what_was_reported(
    tmp_path, net, clock, has_loader, leaves_mode
):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with Attached(tmp_path) as attached:
        for epoch in range(2):
            train(net, optimizer, loader(20))
            evaluate(net, clock, has_loader=has_loader, leaves_mode=leaves_mode)
            ray_bench.log(val_accuracy=0.5 + epoch / 10, bleu=20.0 + epoch)
            clock.seconds += 100  # a checkpoint, say: no evaluation
    data = run_of(attached)
    first, second = data.evaluations
    assert (first.num_samples, second.num_samples) == (20, 40)
    assert (first.val_accuracy_frac, second.val_accuracy_frac) == (0.5, 0.6)
    assert second.metric_names == ("val_accuracy", "bleu")
    assert second.metric_values == (0.6, 21.0)
    assert (first.train_s, first.with_eval_s, first.eval_s) == (0, 5, 5)
    assert (second.train_s, second.with_eval_s, second.eval_s) == (100, 110, 5)
    assert (data.run.eval_s, data.run.final_val_accuracy_frac) == (10, 0.6)


def test_a_module_that_stays_in_evaluation_mode_is_no_evaluation(tmp_path):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with Attached(tmp_path) as attached:
        for _ in range(3):
            net.train()
            net[0].eval()  # as of frozen statistics
            train(net, optimizer, loader(20))
        ray_bench.log(train_loss=1.0)
    data = run_of(attached)
    assert data.run.eval_s is None
    (row,) = data.evaluations
    assert (row.eval_s, row.num_samples, row.with_eval_s) == (None, 60, row.train_s)


def test_the_operations_of_a_step_are_counted_after_the_timed_ones(tmp_path):
    net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with Attached(tmp_path, steps=3, phase_steps=2) as attached, pytest.raises(EarlyEnd):
        train(net, optimizer, loader(400), accumulate=2)
    run = run_of(attached).run
    forward = 2 * (3 * 16 + 16 * 1)
    assert run.flops_per_sample == 2 * forward + 2 * 16  # of the second layer's inputs, too
    assert run.device_peak_flops_per_s is None
    assert len(attached.lines("stamps")) == 2
    assert sum(x["num_steps"] for x in attached.lines("block") if not x["is_warmup"]) == 3


def counted(step):
    found = []
    window = FlopWindow(lambda flops, samples: found.append((flops, samples)))
    window.open()
    step()
    window.step_done(Step(Count(10, None, "indices"), is_update=True, has_others=False))
    window.close()
    return found


@pytest.mark.parametrize("is_reentrant", [False, True])
def test_what_checkpointing_computes_again_is_no_work_of_the_model(is_reentrant):
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    x = torch.randn(10, 8, requires_grad=True)
    plain = counted(lambda: net(x).sum().backward())
    again = counted(lambda: checkpoint(net, x, use_reentrant=is_reentrant).sum().backward())
    assert plain == again == [(3 * 2 * 10 * (8 * 16 + 16 * 4), 10)]


@pytest.mark.filterwarnings("ignore:Using backward.. with create_graph")
def test_a_gradient_of_a_gradient_counts():
    x = torch.randn(10, 8, requires_grad=True)
    weight = torch.randn(8, 8, requires_grad=True)

    def step(create_graph):
        (x @ weight).pow(2).sum().backward(create_graph=create_graph)

    assert counted(lambda: step(True)) == counted(lambda: step(False)) == [(3 * 2 * 10 * 64, 10)]


def test_operations_are_unknown_where_a_script_looks_on_itself():
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as own:
        assert counted(lambda: torch.ones(2, 2) @ torch.ones(2, 2)) == []
    assert own.get_total_flops() == 16


@pytest.mark.parametrize(
    ("joules", "expected", "causes"),
    [(lambda: 7.5, 7.5, []), (lambda: None, None, []), (lambda: {}["x"], None, ["KeyError"])],
)
def test_energy_is_that_of_the_counter_or_unknown(
    tmp_path, net, monkeypatch, joules, expected, causes
):
    monkeypatch.setattr(instruments, "rank_meter", lambda *_, **__: SimpleNamespace(joules=joules))
    with Attached(tmp_path) as attached:
        train(net, torch.optim.SGD(net.parameters(), 0.1), loader(100))
    data = run_of(attached)
    assert data.run.energy_j == expected
    assert data.run.peak_memory_bytes > 1e7
    assert [x.error_type for x in data.failures] == causes
    assert ("instruments_failed" in data.run.flags) == bool(causes)
