"""Ranks that nothing keeps in step are told from those that average by hand."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from torch import nn

from ray_bench.attach.alike import have_equal_parameters
from ray_bench.attach.hooks import listening
from ray_bench.attach.ranks import Meeting, Rank
from ray_bench.attach.session import Session, Wanted
from ray_bench.config.groups import MeasureConfig
from ray_bench.journals.convert import attached_run
from tests.attach.test_session import loader, loss_of, train
from tests.ranks import run_ranks


def _optimizer(dtype, change):
    net = nn.Linear(2, 1, bias=False)
    net.weight.data = torch.tensor([[1.0, 2.0 + change]], dtype=dtype)
    return torch.optim.SGD(net.parameters(), 0.1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64])
def test_one_bit_of_one_rank_tells(tmp_path, dtype):
    def job(group):
        meeting = Meeting()
        least = torch.finfo(dtype).eps * 2
        changes = (0.0, least * group.rank)
        return [have_equal_parameters(meeting, _optimizer(dtype, x)) for x in changes]

    assert run_ranks(job, 2, tmp_path) == [[True, False]] * 2


@pytest.mark.parametrize("num_started", [1, 2])
def test_ranks_without_a_process_group_train_alone(tmp_path, monkeypatch, num_started):
    monkeypatch.setenv("WORLD_SIZE", str(num_started))
    measure = MeasureConfig(warmup_steps=3, warmup_s=0, block_s=1e-9)
    session = Session(Wanted(num_steps=None, measure=measure), Rank(0, num_started, 0), tmp_path)
    net = nn.Linear(3, 1)
    with listening(session):
        train(net, torch.optim.SGD(net.parameters(), 0.1), loader())
    session.close("test")
    run = attached_run(session.folder, sweep_id="s", run_id="r").run
    assert ("ranks_apart" in run.flags) is (num_started == 2)


@pytest.mark.parametrize("averages", [False, True])
def test_a_script_that_averages_nothing_is_on_no_curve(tmp_path, averages):
    def job(group):
        measure = MeasureConfig(warmup_steps=3, warmup_s=0, block_s=1e-9)
        session = Session(
            Wanted(num_steps=None, measure=measure), Rank(group.rank, 2, group.rank), tmp_path
        )
        torch.manual_seed(0)
        net = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        torch.manual_seed(group.rank)  # its share of the data
        with listening(session):
            for batch in loader(80):
                loss_of(net, batch).backward()
                for parameter in net.parameters():
                    if averages:
                        dist.all_reduce(parameter.grad)
                optimizer.step()
        session.close("test")
        return str(session.folder)

    (folder, _) = run_ranks(job, 2, tmp_path)
    run = attached_run(type(tmp_path)(folder), sweep_id="s", run_id="r").run
    assert ("ranks_apart" in run.flags) is not averages
    assert run.strategy == "none"
