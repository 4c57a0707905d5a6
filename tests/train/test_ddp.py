"""Arguments of DistributedDataParallel, each by its own name, and what DDP says in its errors."""

from __future__ import annotations

import inspect
import json

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from ray_bench.config.ddp import INSTEAD
from ray_bench.config.groups import DdpConfig
from ray_bench.config.load import load
from ray_bench.errors import ConfigError, TrainingError
from ray_bench.train import model
from ray_bench.train.group import Group
from ray_bench.train.model import ddp_arguments
from ray_bench.train.unused import explained
from tests.ranks import RankError, run_ranks
from tests.train import people
from tests.train.test_batches import short
from tests.train.test_loop import alone, train

#: Of ray_bench, beside DDP's own.
OURS = {"compression", "at_world_size_one"}


def test_every_argument_of_the_installed_ddp_is_a_key_or_has_an_answer():
    known = set(inspect.signature(DistributedDataParallel.__init__).parameters) - {"self"}
    keys = set(DdpConfig.model_fields) - OURS
    assert known - keys - set(INSTEAD) == set()
    assert keys & set(INSTEAD) == set()


def test_what_is_as_ddp_has_it_is_not_given():
    assert ddp_arguments(DdpConfig(), 25.0) == {
        "gradient_as_bucket_view": True,
        "static_graph": True,
        "forward_sync_buffers": False,
    }


def test_every_argument_arrives_under_its_own_name():
    asked = {
        "find_unused_parameters": True,
        "init_sync": False,
        "skip_all_reduce_unused_params": True,
        "batched_grad_copy": True,
        "lazy_bucket_allocation": True,
        "gradient_as_bucket_view": False,
    }
    found = ddp_arguments(DdpConfig(**asked, broadcast_buffers=True), 10.0)
    assert found == {
        **asked,
        "static_graph": False,
        "forward_sync_buffers": True,
        "bucket_cap_mb": 10.0,
    }


def test_an_argument_that_the_installed_torch_lacks_is_told(monkeypatch):
    class Older:
        def __init__(self, module, broadcast_buffers=True):
            """As DDP of another year."""

    monkeypatch.setattr(model, "DistributedDataParallel", Older)
    assert ddp_arguments(DdpConfig(), 25.0)["broadcast_buffers"] is False
    with pytest.raises(TrainingError, match=r"has no argument batched_grad_copy.*leave out ddp\."):
        ddp_arguments(DdpConfig(batched_grad_copy=True), 25.0)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("ddp.mixed_precision=true", r"Unknown key `ddp.mixed_precision`: write `precision=bf16`"),
        ("ddp.forward_sync_buffers=true", r"newer name of broadcast_buffers: write `ddp.broadcast"),
        ("ddp.find_unused=true", r"Did you mean `find_unused_parameters`"),
        ("ddp.find_unused_parameters=maybe", r"`ddp.find_unused_parameters`: must be .*boolean"),
    ],
)
def test_other_words_are_answered(argument, message):
    with pytest.raises(ConfigError, match=message):
        load(None, ["workload=emulated", argument])


def test_a_static_graph_in_which_is_looked_is_refused():
    with pytest.raises(ConfigError, match=r"leave out `ddp.static_graph`"):
        load(
            None, ["workload=emulated", "ddp.find_unused_parameters=true", "ddp.static_graph=true"]
        )


@pytest.mark.parametrize("static_graph", [None, True, False])
def test_an_output_that_is_not_in_the_loss_is_named_with_key_and_value(tmp_path, static_graph):
    def job(group: Group):
        return train(short(2, ddp={"static_graph": static_graph}), people.Aux(), group)

    message = (
        r"UnusedParametersError: Parameters got no gradient in a step \(pooler.weight, "
        r"pooler.bias\): .* Set ddp.find_unused_parameters=true"
    )
    with pytest.raises(RankError, match=message):
        run_ranks(job, 2, tmp_path)


def test_with_the_setting_it_trains_the_same_at_two_ranks(tmp_path):
    ddp = {"find_unused_parameters": True, "skip_all_reduce_unused_params": True}

    def job(group: Group):
        return train(short(2, batch_size=12, ddp=ddp), people.Aux(), group)

    data = run_ranks(job, 2, tmp_path)[0]
    single = train(short(batch_size=12), people.Aux(), alone())
    assert data.run.final_train_loss == pytest.approx(single.run.final_train_loss, rel=1e-4)
    arguments = json.loads(data.environment.ddp_arguments)
    assert arguments["find_unused_parameters"] is True
    assert arguments["static_graph"] is False
    assert {pair.rank for pair in data.sync_pairs} == {0, 1}


def test_other_errors_and_places_without_names_stay_as_they_are():
    module = torch.nn.Linear(2, 2)
    with pytest.raises(RuntimeError, match=r"^out of cheese$"), explained(module):
        raise RuntimeError("out of cheese")
    ddp_says = "Expected to have finished reduction in the prior iteration. "
    with pytest.raises(TrainingError, match=r"in a step: what"), explained(module):
        raise RuntimeError(ddp_says)
    many = "Parameter indices which did not receive grad for rank 0: 0 1 2 3 4 5 99"
    deep = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(3)))
    named = r"\(0.weight, 0.bias, 1.weight, 1.bias and 2 more\)"
    with pytest.raises(TrainingError, match=named), explained(deep):
        raise RuntimeError(ddp_says + many)
