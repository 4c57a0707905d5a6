"""Ray's nested errors become one sentence that names the rank and the cause."""

from __future__ import annotations

import pytest
from ray.exceptions import ActorDiedError
from ray.train import ControllerError, WorkerGroupError

from ray_bench.errors import NonFiniteLossError
from ray_bench.launch.failures import (
    MAX_MESSAGE,
    MAX_TRACEBACK,
    Failure,
    blamed,
    describe,
    told_by,
)


def test_the_rank_that_raised_is_blamed_and_not_its_peers():
    peers = {
        0: RuntimeError("[gloo/transport/tcp/pair.cc] Connection closed by peer"),
        1: ValueError("bad data"),
    }
    failure = describe(WorkerGroupError("failed", worker_failures=peers))
    assert (failure.type, failure.message, failure.rank) == ("ValueError", "bad data", 1)


def test_our_own_errors_are_found_below_a_wrapper():
    wrapper = RuntimeError("wrapped")
    wrapper.__cause__ = NonFiniteLossError("The training loss became nan.")
    failure = describe(WorkerGroupError("failed", worker_failures={0: wrapper}))
    assert (failure.type, failure.rank) == ("NonFiniteLossError", 0)


@pytest.mark.parametrize(
    "cause",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_running_out_of_memory_has_a_remedy(cause):
    failure = describe(WorkerGroupError("failed", worker_failures={3: cause}))
    assert (failure.type, failure.rank) == ("OutOfMemory", 3)
    assert "lower `batch_size`" in failure.message


def test_a_worker_that_died_at_launch_is_named():
    failure = describe(ControllerError(ActorDiedError()))
    assert failure.type == "WorkerDied"
    assert failure.rank is None


def test_a_chain_that_bites_its_tail_ends():
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert describe(first).type == "ValueError"


def test_long_messages_are_cut():
    assert len(describe(ValueError("x" * 10_000)).message) == MAX_MESSAGE


LOST_PEER = "[gloo/transport/tcp/pair.cc] Connection closed by peer"


@pytest.mark.parametrize(
    ("from_ray", "told", "expected"),
    [
        # Ray has the same cause, without its traceback.
        (("ValueError", "bad", 1), {1: ("ValueError", "bad")}, ("ValueError", 1, "trace 1")),
        # Ray knows a survivor only, or no rank at all.
        (("RuntimeError", LOST_PEER, 0), {1: ("ValueError", "bad")}, ("ValueError", 1, "trace 1")),
        (("RayTaskError", "cannot pickle", None), {2: ("Odd", "x")}, ("Odd", 2, "trace 2")),
        # A rank died without a word, and its peers lost it.
        (("WorkerDied", "killed", 1), {0: ("RuntimeError", LOST_PEER)}, ("WorkerDied", 1, None)),
        (("RuntimeError", LOST_PEER, 0), {0: ("RuntimeError", LOST_PEER)},
         ("RuntimeError", 0, "trace 0")),
        (("WorkerDied", "killed", 1), {0: ("KeyError", "other")}, ("WorkerDied", 1, None)),
        (("ValueError", "bad", 1), {}, ("ValueError", 1, None)),
    ],
)  # fmt: skip
def test_what_a_rank_said_of_itself_is_taken_where_it_is_the_cause(from_ray, told, expected):
    said = {rank: Failure(*words, rank, f"trace {rank}") for rank, words in told.items()}
    found = blamed(Failure(*from_ray), said)
    assert (found.type, found.rank, found.traceback) == expected


def test_a_long_traceback_keeps_both_ends():
    failure = told_by(ValueError("x" * 2 * MAX_TRACEBACK + "end"), 0)
    assert len(failure.traceback) <= MAX_TRACEBACK + len("\n...\n")
    assert failure.traceback.endswith("end\n")
