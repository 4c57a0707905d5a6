"""Loops of all kinds, and what a session says of them."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

import ray_bench
from ray_bench.attach.ending import EarlyEnd
from ray_bench.journals.convert import attached_run
from tests.attach.attached import Attached, loader, loss_of, train


@pytest.fixture
def net():
    return nn.Linear(3, 1)


def test_an_optimizer_that_is_made_anew_every_epoch_is_the_same_one(tmp_path, net):
    kept = []  # as an old one that is still there when the next is made
    with Attached(tmp_path) as attached:
        for _ in range(8):
            kept.append(torch.optim.SGD(net.parameters(), 0.1))
            train(net, kept[-1], loader())
    assert attached.samples == [4] * (8 * 16 - 1)
    assert {line["num_backwards"] for line in attached.lines("block")} == {1}


def test_a_plain_loop(tmp_path, net):
    with Attached(tmp_path) as attached:
        train(net, torch.optim.SGD(net.parameters(), 0.1), loader(62))
    assert attached.samples == [4] * 14 + [2]
    (facts,) = attached.lines("facts")
    assert (facts["optimizer"], facts["num_params"], facts["strategy"]) == ("SGD", 4, "none")
    assert {line["source"] for line in attached.lines("block")} == {"indices"}
    assert attached.lines("block")[-1]["applied_lr"] == 0.1


def test_accumulated_batches_are_one_step(tmp_path, net):
    with Attached(tmp_path) as attached:
        train(net, torch.optim.AdamW(net.parameters()), loader(), accumulate=4)
    assert attached.samples == [16] * 3


def test_an_evaluation_is_no_training(tmp_path, net):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with Attached(tmp_path) as attached:
        for _ in range(3):
            net.train()
            train(net, optimizer, loader(20))
            net.eval()
            with torch.no_grad():
                for batch in loader(12):
                    loss_of(net, batch)
    assert attached.samples == [4] * 4 * 3
    assert [line["epoch"] for line in attached.lines("block")] == [1] * 4 + [2] * 4 + [3] * 4


def test_an_evaluation_that_changes_no_mode_is_left_out_too(tmp_path, net):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with Attached(tmp_path) as attached:
        for _ in range(2):
            train(net, optimizer, loader(20))
            for batch in loader(12):
                loss_of(net, batch).detach()
    assert attached.samples == [4] * 4 * 2


def test_a_generator_and_its_critic_make_one_step(tmp_path, net):
    critic = nn.Linear(3, 1)
    first = torch.optim.Adam(critic.parameters())
    second = torch.optim.Adam(net.parameters())
    with Attached(tmp_path) as attached:
        for batch in loader(80):
            loss_of(critic, batch).backward()
            first.step()
            loss_of(net, batch).backward()
            second.step()
    # The critic's first update was taken for a step: the generator's has none of its samples left.
    assert attached.samples == [0] + [4] * 19


def test_an_optimizer_a_parameter_is_one_step(tmp_path):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    optimizers = [torch.optim.SGD([x], 0.1) for x in net.parameters()]
    with Attached(tmp_path) as attached:
        for batch in loader(80):
            loss_of(net, batch).backward()
            for optimizer in optimizers:
                optimizer.step()
    assert attached.samples[-16:] == [4] * 16


def test_closures_are_one_step(tmp_path, net):
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=3)
    with Attached(tmp_path) as attached:
        for batch in loader():

            def closure(batch=batch):
                optimizer.zero_grad()
                loss = loss_of(net, batch)
                loss.backward()
                return loss

            optimizer.step(closure)
    assert attached.samples == [4] * 15


def test_a_step_that_the_scaler_leaves_out_is_a_step(tmp_path, net):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    with Attached(tmp_path) as attached:
        for index, batch in enumerate(loader()):
            loss = loss_of(net, batch) * (float("inf") if index == 8 else 1.0)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
    assert attached.samples == [4] * 15
    assert len(attached.lines("skipped")) == 1


def test_the_script_says_itself_what_a_step_is(tmp_path):
    with Attached(tmp_path) as attached:
        for number in range(10):
            ray_bench.step(num_samples=5 + number)
        ray_bench.log(val_accuracy=0.5)
    assert attached.samples == [5 + number for number in range(1, 10)]
    assert attached.lines("metric")[0]["values"] == {"val_accuracy": 0.5}
    ray_bench.step(num_samples=1)  # nobody listens
    ray_bench.log(anything=1)
    assert len(attached.samples) == 9


def test_after_enough_steps_the_script_is_ended_and_cleans_up(tmp_path, net):
    cleaned = []

    def script():
        try:
            train(net, torch.optim.SGD(net.parameters(), 0.1), loader(400))
        finally:
            cleaned.append(True)

    with Attached(tmp_path, steps=5) as attached, pytest.raises(EarlyEnd) as ended:
        script()
    assert (cleaned, ended.value.code) == ([True], 0)
    timed = [line for line in attached.lines("block") if not line["is_warmup"]]
    assert sum(line["num_steps"] for line in timed) == 5
    (end,) = attached.lines("end")
    assert (end["reason"], end["num_timed"], end["num_skipped"]) == ("measured", 5, 0)


def test_afterwards_torch_is_as_it_was(tmp_path):
    def parts():
        return torch.nn.Module.train, torch.autograd.backward, torch.amp.GradScaler._maybe_opt_step

    before = parts()
    with Attached(tmp_path):
        assert parts() != before
    assert parts() == before


def test_after_the_timed_steps_some_are_taken_apart_by_phase(tmp_path, net):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)

    def script():
        for _ in range(10):
            train(net, optimizer, loader(20))
            for batch in loader(8):
                loss_of(net, batch).detach()

    with Attached(tmp_path, steps=3, phase_steps=4) as attached, pytest.raises(EarlyEnd):
        script()
    stamps = attached.lines("stamps")
    assert len(stamps) >= 3
    for line in stamps:
        marks = [name for name, _ in line["marks"]]
        assert marks.index("data_wait") < marks.index("forward") < marks.index("loss")
        assert marks.index("backward") < marks.index("other", marks.index("backward"))
        times = [ns for _, ns in line["marks"]]
        assert times == sorted(times)
    assert not net._forward_hooks
    parts = attached_run(attached.session.folder, sweep_id="s", run_id="r").phases
    wall_s = sum(x["marks"][-1][1] - x["marks"][0][1] for x in stamps) * 1e-9
    assert sum(x.duration_s for x in parts) == pytest.approx(wall_s)
    assert {x.phase for x in parts if x.duration_s} >= {"data_wait", "forward", "backward"}


def calls_a_step(net, optimizer, batches):
    """Functions that Python calls in a step: what a cost is made of, without a clock."""
    calls = []
    sys.setprofile(lambda frame, event, arg: event == "call" and calls.append(frame.f_code.co_name))
    try:
        for _ in range(20):
            loss_of(net, next(batches)).backward()
            optimizer.step()
    finally:
        sys.setprofile(None)
    return len(calls) / 20


def test_a_measured_step_makes_few_calls_more_than_a_plain_one(tmp_path, net):
    optimizer, batches = torch.optim.SGD(net.parameters(), 0.1), iter(loader(4000))
    calls_a_step(net, optimizer, batches)  # the first one is another
    plain = calls_a_step(net, optimizer, batches)
    attached = Attached(tmp_path, block_s=1e9)
    with attached:
        calls_a_step(net, optimizer, batches)  # warm-up, at most five times its least length
        measured = calls_a_step(net, optimizer, batches)
    assert 10 < measured - plain <= 24
    assert calls_a_step(net, optimizer, batches) == plain
