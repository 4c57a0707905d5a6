"""What can end a run, by kind: how an error is told to be of it, and what to do about it.

A kind is one of ours (`errors`), one that `launch` finds itself, or a known error of Python, torch
or Ray. An error of none of them keeps the name of its class: it comes from the user's own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A kind of errors that others raise.

    Args:
        kind: Its name in the records.
        types: Names of classes; one of the error's own, or of a base of it, is enough.
        words: One of these in the error's text is enough; lower case.
    """

    kind: str
    types: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()

    def has(self, types: Iterable[str], text: str) -> bool:
        """Tell whether an error is of this kind; `text` in lower case."""
        return not self.types.isdisjoint(types) or any(word in text for word in self.words)


def _types(*names: str) -> frozenset[str]:
    return frozenset(names)


#: The first that fits is taken: a class says more than a word in a text.
KNOWN: tuple[Known, ...] = (
    Known(
        "OutOfMemory",
        _types("MemoryError", "OutOfMemoryError"),
        ("out of memory", "can't allocate memory", "outofmemory", "not enough memory"),
    ),
    Known("PreemptionError", _types("PreemptionError")),
    Known("HostLost", _types("NodeDiedError")),
    Known("WorkerDied", _types("ActorDiedError", "WorkerCrashedError", "ActorUnavailableError")),
    Known("EnvironmentFailed", _types("RuntimeEnvSetupError")),
    Known("StartTimedOut", _types("WorkerGroupStartupTimeoutError")),
    Known("ModuleMissing", _types("ImportError", "ModuleNotFoundError"), ("no module named",)),
    Known(
        "NotPicklable",
        _types("PicklingError", "UnserializableException"),
        ("cannot pickle", "can't pickle", "could not serialize", "cannot be serialized"),
    ),
    Known("DiskFull", words=("no space left on device", "disk quota exceeded", "file write fail")),
    Known("FileMissing", _types("FileNotFoundError"), ("no such file or directory",)),
    Known(
        "UnusedParametersError",
        words=("finished reduction in the prior iteration", "find_unused_parameters"),
    ),
    Known("ReadyTwice", words=("mark a variable ready only once",)),
    Known("GraphChanged", words=("training graph has changed", "static_graph set to true")),
    Known("NcclFailed", words=("nccl",)),
    Known(
        "CudaFailed", _types("AcceleratorError"), ("cuda error", "device-side assert", "cublas_")
    ),
    Known(
        "ConnectionLost",
        _types("DistNetworkError", "ConnectionError"),
        (
            "gloo",
            "connection closed by peer",
            "connection reset by peer",
            "connection refused",
            "waiting for clients",
            "timed out waiting",
            "socket timeout",
            "broken pipe",
        ),
    ),
    Known("TimedOut", _types("TimeoutError"), ("timed out",)),
    Known(
        "ShapeMismatch",
        words=(
            "shapes cannot be multiplied",
            "size mismatch",
            "must match the size",
            "sizes of tensors must match",
            "shape mismatch",
            "expected scalar type",
            "to have the same dtype",
            "must have the same dtype",
            "expected input[",
        ),
    ),
)

#: What peers report when another rank has died; never the cause itself.
_COLLATERAL = (
    "gloo",
    "connection closed by peer",
    "connection reset by peer",
    "nccl",
    "waiting for clients",
    "timed out waiting",
    "socket timeout",
    "broken pipe",
)

_LOOK = "`ray-bench report RESULTS --failures` shows the traceback"
_AGAIN = "`ray-bench run --resume` makes failed runs again"

#: What to do, by kind. Each names a key, a value or a command.
REMEDIES: Mapping[str, str] = {
    # Found by `launch` itself.
    "HostLost": f"Join the host again with `ray start --address=...`; {_AGAIN}.",
    "Interrupted": f"{_AGAIN}.",
    "PlacesTaken": "Wait until the other job has ended, or set launch.wait_s=3600.",
    "RanksMissing": "Look at the rank that is named; where it was only slow, set "
    "launch.timeout_s=900.",
    "WorkerDied": "Look into the host's log (`dmesg`) for lack of memory; if so, set a smaller "
    f"batch_size. Otherwise {_AGAIN}.",
    # Of somebody else's script.
    "ScriptEnded": f"Mend the arguments after `--`, or the script; {_LOOK}.",
    "ScriptHung": f"{_LOOK}, and with it where it stood; where it was only slow, set "
    "launch.timeout_s=900.",
    "NothingMeasured": "Let the script train longer, or set measure.warmup_steps=5; where no "
    "optimizer of torch makes its steps, let it call ray_bench.step() after each.",
    "NotTogether": "Let the script make a process group where WORLD_SIZE is set, and wrap its "
    "model with DDP or FSDP; `ray-bench doctor -- train.py` looks at it with one rank.",
    "Killed": "Run it again with `--steps 300`, which ends a script by itself.",
    "RankFilesMissing": "Give a folder that all hosts share, such as `--results /shared/results`.",
    "TooFewSteps": "Let it train longer, or end warm-up earlier with `--warmup-steps 3`.",
    # Of others.
    "OutOfMemory": "Set a smaller batch_size, precision=bf16 on GPUs, or placements=spread, which "
    "puts fewer workers on a host.",
    "PreemptionError": f"The host was taken back; {_AGAIN} on what is left.",
    "EnvironmentFailed": "Ray could not set up the workers' environment: look at launch.env, and "
    "at what `ray-bench doctor` says.",
    "StartTimedOut": "The workers took too long to start: set "
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S=300 before the command.",
    "ModuleMissing": "Install the package on every node, or send your own modules along with "
    "`ray-bench submit`.",
    "NotPicklable": "Keep locks, files and sockets out of the workload, or make them in `build`; "
    f"{_LOOK}.",
    "DiskFull": "Make room, or set TMPDIR to a larger disk; measure.checkpoint=false writes no "
    "checkpoint.",
    "FileMissing": f"Set data.dir to a folder that every node has, or data.standin=true; {_LOOK}.",
    "ReadyTwice": "A parameter is used twice in a step, as with activation checkpointing: set "
    "ddp.static_graph=true.",
    "GraphChanged": "The model does not do the same in every step: set ddp.static_graph=false.",
    "NcclFailed": "Set launch.env={NCCL_DEBUG: INFO} to see why, or name the interface with "
    "launch.env={NCCL_SOCKET_IFNAME: eth0}.",
    "CudaFailed": "Set launch.env={CUDA_LAUNCH_BLOCKING: '1'}, so that the traceback names the "
    f"operation; {_LOOK}.",
    "ConnectionLost": "Name the interface with launch.env={GLOO_SOCKET_IFNAME: eth0}; where a rank "
    "was only slow, set launch.timeout_s=900.",
    "TimedOut": f"Where something was only slow, set launch.timeout_s=900; {_LOOK}.",
    "ShapeMismatch": f"The workload's shapes or types do not fit: {_LOOK}.",
    # Of ray_bench.
    "RayBenchError": f"Read the cause; {_LOOK}.",
    "RefusedError": "Leave out what is named, or have the service started with `ray-bench serve "
    "--allow-code`.",
    "ConfigError": "Look at the key that is named: `ray-bench config` lists all of them.",
    "DataError": f"Set data.standin=true to go on without the data; {_LOOK}.",
    "MissingDataError": "Set data.dir, or data.download=true, or data.standin=true.",
    "CorruptDataError": "Remove the files that are named, and set data.download=true.",
    "LaunchError": f"`ray-bench doctor` looks at the machine; {_AGAIN}.",
    "ClusterCapacityError": "Ask for fewer workers with world_sizes=[1,2], or add hosts to the "
    "cluster with `ray start --address=...`.",
    "PlacesTakenError": "Wait until the other job has ended, or set launch.wait_s=3600.",
    "HostsUnreachableError": "Let the hosts reach each other, or name the interface that does with "
    "launch.env={GLOO_SOCKET_IFNAME: eth0}.",
    "PlacementError": "Ask for placements=pack, or for one that fits the nodes.",
    "WorkerFailedError": f"Read the cause; {_LOOK}. Where the process was killed for lack of "
    "memory, set a smaller batch_size.",
    "TrainingError": f"Read the cause; {_LOOK}.",
    "NonFiniteLossError": "Lower lr, or set optimizer.warmup_epochs=5.",
    "ExplodedLossError": "Lower lr, or set optimizer.warmup_epochs=5.",
    "HopelessRunError": "It was stopped on request. To let such runs end by themselves, set "
    "stop.hopeless=false, and leave out stop.hopeless_loss.",
    "UnusedParametersError": "The loss does not depend on some parameters: set "
    "ddp.find_unused_parameters=true, or leave them out of the model.",
    "RankDisagreementError": "Let every rank's batches have the same length in the workload's "
    "`build`; `ray-bench workloads` lists some that do.",
    "StoreError": "Give a folder that can be written with --results; `ray-bench list` lists what "
    "is there.",
    "SchemaVersionError": "Read these results with the version that wrote them; `ray-bench "
    "--version` says which one this is.",
    "AlreadyStoredError": "Give another folder with --results; `ray-bench list` lists what is "
    "there.",
    "IncompatibleRunsError": "Compare runs of one configuration; `ray-bench list` lists them.",
    "AnalysisError": "Measure more world sizes or repeats, such as repeats=3.",
    "InsufficientPointsError": "Measure more world sizes, such as world_sizes=[1,2,4].",
    "MissingExtraError": "Install what is named with `pip install`, or set the tracker to false, "
    "such as trackers.wandb=false.",
}

#: What leaves an extra out, by its name; None where nothing does.
EXTRAS: Mapping[str, str | None] = {
    "evaluation": None,
    "instruments": None,
    "noise": "measure.noise_steps=0",
    "phases": "measure.phase_steps=0",
    "sync_pairs": "measure.sync_pairs=0",
    "checkpoint": "measure.checkpoint=false",
    "flops": None,
    "trace": "measure.trace_steps=0",
    "passes": "measure.phase_steps=0 measure.noise_steps=0 measure.sync_pairs=0",
}

#: Of an error in the user's own code.
OWN_CODE = f"{_LOOK}; once the workload is mended, {_AGAIN}."


def is_collateral(text: str) -> bool:
    """Tell whether words are those of a rank that has lost another one."""
    return any(word in text.lower() for word in _COLLATERAL)


def kind_of(types: Iterable[str], text: str) -> str | None:
    """Return the kind of an error; None for one that is not known.

    Args:
        types: Names of its class and of their bases.
        text: What it says.
    """
    names, lowered = frozenset(types), text.lower()
    return next((known.kind for known in KNOWN if known.has(names, lowered)), None)


def words_of(error: BaseException) -> str:
    """Return what an error says in one line; of one that cannot say it, that."""
    try:
        return " ".join(str(error).split())
    except Exception as err:  # noqa: BLE001  # a class of the user's own may raise anything
        return f"(its text cannot be had: {type(err).__name__})"


def kind_of_error(error: BaseException) -> str:
    """Return the kind of an error, or else the name of its class."""
    types = [cls.__name__ for cls in type(error).__mro__]
    return kind_of(types, f"{type(error).__name__} {words_of(error)}") or type(error).__name__


def remedy_of(error_type: str | None, message: str | None) -> str:
    """Return what to do about what a run was ended by, whichever version has recorded it."""
    own = REMEDIES.get(error_type or "")
    if own is not None:
        return own
    return REMEDIES.get(kind_of([error_type or ""], message or "") or "", OWN_CODE)
