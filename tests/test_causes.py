"""Every kind of error that a run can end with has a remedy that names what to set or to call."""

from __future__ import annotations

import ast
import errno
import pickle
import re
import threading
from pathlib import Path

import pytest
import ray.exceptions
import torch
from ray.train.v2.api.exceptions import WorkerGroupError

from ray_bench import errors
from ray_bench.causes import KNOWN, OWN_CODE, REMEDIES, kind_of_error, remedy_of
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import RayBenchError
from ray_bench.journals import outcome
from ray_bench.launch.failures import describe

LAUNCH = Path(__file__).parents[1] / "ray_bench" / "launch"
#: `key=value`, a command between backquotes, an option of one, or a variable of the environment.
ACTIONABLE = re.compile(r"\b[a-z_]+(\.[a-z_]+)*=\S|`[a-z-]+ [^`]+`|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
KEY = re.compile(r"(?<![\w.-])([a-z_]+(?:\.[a-z_]+)*)=")


def built_in_launch() -> set[str]:
    """First arguments of every `Failure(...)` that are written out."""
    calls = (
        node
        for path in LAUNCH.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Failure" and node.args
    )
    first = (call.args[0] for call in calls)
    return {arg.value for arg in first if isinstance(arg, ast.Constant)}


def own_errors() -> set[str]:
    return {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, RayBenchError)
    }


def test_what_can_be_emitted_and_what_has_a_remedy_are_the_same():
    found = built_in_launch()
    assert {"HostLost", "PlacesTaken", "RanksMissing", "Interrupted"} <= found
    ours = found | own_errors() | {known.kind for known in KNOWN} | set(outcome.KINDS)
    assert ours == set(REMEDIES)


@pytest.mark.parametrize("kind", [*REMEDIES, None])
def test_each_remedy_names_a_key_a_command_or_a_variable(kind):
    words = OWN_CODE if kind is None else REMEDIES[kind]
    assert ACTIONABLE.search(words), words
    assert words.endswith(".")


def test_words_without_anything_to_do_are_not_taken_for_a_remedy():
    assert not ACTIONABLE.search("Read the cause, and use a smaller batch. It is 3 = three.")


def keys_of(model, prefix="") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        found.add(prefix + name)
        if hasattr(field.annotation, "model_fields"):
            found |= keys_of(field.annotation, f"{prefix}{name}.")
    return found


def test_the_keys_of_remedies_are_those_of_the_configuration():
    named = {key for words in (*REMEDIES.values(), OWN_CODE) for key in KEY.findall(words)}
    assert {"data.dir", "launch.timeout_s"} & named
    assert named <= keys_of(SweepConfig)


def unpicklable() -> Exception:
    try:
        pickle.dumps(threading.Lock())
    except TypeError as err:
        return err
    raise AssertionError


def misshapen() -> Exception:
    try:
        torch.nn.Linear(3, 2)(torch.ones(1, 4))
    except RuntimeError as err:
        return err
    raise AssertionError


def mistyped() -> Exception:
    try:
        torch.nn.Linear(3, 2)(torch.ones(1, 3, dtype=torch.float64))
    except RuntimeError as err:
        return err
    raise AssertionError


UNUSED = (
    "Expected to have finished reduction in the prior iteration before starting a new one. This "
    "error indicates that your module has parameters that were not used in producing loss."
)
CHANGED = (
    "Your training graph has changed in this iteration, e.g., one parameter is unused in first "
    "iteration, but then got used in the second iteration. this is not compatible with "
    "static_graph set to True."
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "OutOfMemory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "OutOfMemory"),
        (ray.exceptions.OutOfMemoryError("Task was killed due to low memory"), "OutOfMemory"),
        (ray.exceptions.WorkerCrashedError(), "WorkerDied"),
        (ray.exceptions.RuntimeEnvSetupError("no pip"), "EnvironmentFailed"),
        (ModuleNotFoundError("No module named 'mine'"), "ModuleMissing"),
        (RuntimeError("The worker says: No module named 'mine'"), "ModuleMissing"),
        (unpicklable(), "NotPicklable"),
        (OSError(errno.ENOSPC, "No space left on device"), "DiskFull"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/data"), "FileMissing"),
        (RuntimeError(UNUSED), "UnusedParametersError"),
        (RuntimeError(CHANGED), "GraphChanged"),
        (RuntimeError("Expected to mark a variable ready only once. ..."), "ReadyTwice"),
        (RuntimeError("NCCL error in: ProcessGroupNCCL.cpp, unhandled system error"), "NcclFailed"),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "CudaFailed"),
        (RuntimeError("[gloo/transport/tcp/pair.cc] Connection closed by peer"), "ConnectionLost"),
        (torch.distributed.DistNetworkError("failed to connect"), "ConnectionLost"),
        (ray.exceptions.GetTimeoutError("Get timed out"), "TimedOut"),
        (misshapen(), "ShapeMismatch"),
        (mistyped(), "ShapeMismatch"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError"),
    ],
)
def test_errors_of_python_torch_and_ray_are_told_by_kind(error, kind):
    assert kind_of_error(error) == kind
    failure = describe(WorkerGroupError("failed", worker_failures={0: error}))
    assert failure.type == kind
    assert remedy_of(failure.type, failure.message) == REMEDIES.get(kind, OWN_CODE)


def test_an_own_error_is_of_its_own_kind_whatever_it_says():
    error = errors.HostsUnreachableError("gloo: connection refused, out of memory")
    assert describe(error).type == "HostsUnreachableError"


def test_what_an_older_version_has_recorded_is_told_by_its_words():
    text = "[gloo/transport/tcp/pair.cc] Connection closed by peer"
    assert remedy_of("RuntimeError", text) == REMEDIES["ConnectionLost"]
    assert remedy_of("OutOfMemoryError", "") == REMEDIES["OutOfMemory"]
    assert remedy_of(None, None) == OWN_CODE
