"""Ray's nested errors become one sentence that names the rank and the cause."""

from __future__ import annotations

import pytest
from ray.exceptions import ActorDiedError
from ray.train import ControllerError, WorkerGroupError

from ray_bench.errors import NonFiniteLossError
from ray_bench.launch.failures import (
    MAX_MESSAGE,
    Failure,
    blamed,
    describe,
    told_by,
)
from ray_bench.records import MAX_TRACEBACK_CHARS


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


def test_colours_of_a_terminal_are_not_kept():
    assert describe(ValueError("\x1b[36mray::f()\x1b[39m planted")).message == "ray::f() planted"


@pytest.mark.parametrize(
    "words",
    [
        "Unable to cast Python instance: [..pair.cc:547] Connection reset by peer to Tensor",
        "Timed out after 11 seconds waiting for clients. 1/2 clients joined.",
    ],
)
def test_what_a_rank_says_that_lost_another_one_is_no_cause(words):
    assert describe(RuntimeError(words)).is_collateral
    assert not describe(ValueError("bad data")).is_collateral


class PreemptionError(Exception):
    """As newer Rays have it."""


def test_a_run_whose_host_was_taken_back_is_preempted():
    wrapper = RuntimeError("wrapped")
    wrapper.__cause__ = PreemptionError("node is draining")
    assert describe(wrapper).status == "preempted"
    assert describe(ValueError("no")).status == "failed"


def test_an_exit_code_comes_first(monkeypatch):
    words = "Worker exit detail: Worker exits with an exit code 3."
    monkeypatch.setattr(ActorDiedError, "__str__", lambda self: words)
    message = describe(ControllerError(ActorDiedError())).message
    assert message.startswith("A worker process ended itself with exit code 3 (")


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
    said = {rank: Failure(*words, rank, traceback=f"trace {rank}") for rank, words in told.items()}
    found = blamed(Failure(*from_ray), said)
    assert (found.type, found.rank, found.traceback) == expected


def test_of_a_long_traceback_the_end_is_kept():
    failure = told_by(ValueError("x" * 2 * MAX_TRACEBACK_CHARS + "end"), 0)
    assert len(failure.traceback) <= MAX_TRACEBACK_CHARS
    assert failure.traceback.endswith("end")


def test_of_a_process_that_died_the_host_and_rays_detail_are_kept(monkeypatch):
    words = (
        "The actor died unexpectedly before finishing this task. class_name: PatientWorker "
        "actor_id: d4b9 pid: 3987 namespace: c101 ip: 10.98.0.2 The actor is dead because its "
        "worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker "
        "unexpectedly exits with a connection error code 2. End of file. Some common causes "
        "include: (1) the process was killed by the OOM killer, (2) ray stop --force is called."
    )
    monkeypatch.setattr(ActorDiedError, "__str__", lambda self: words)
    assert describe(ControllerError(ActorDiedError())).message == (
        "A worker process 3987 on 10.98.0.2 died without a Python error (Worker unexpectedly "
        "exits with a connection error code 2. End of file): the system's out-of-memory killer, "
        "a signal, a lost node, or os._exit in the workload."
    )
