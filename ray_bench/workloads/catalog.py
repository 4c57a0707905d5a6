"""The workloads by name. Imports neither torch nor torchvision, so that listing is quick."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.errors import ConfigError

if TYPE_CHECKING:
    from ray_bench.workloads.base import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadInfo:
    """What is known of a workload before it is built.

    Attributes:
        name: What the configuration calls it.
        target: Where it is: `module:attribute`.
        summary: One line for `ray-bench workloads`.
        dataset: Key for `datasets.locate`; None where none is read, as for the user's own.
        num_params: Trainable parameters; None where they depend on the configuration.
        defaults: What it trains with where the configuration is silent.
        is_builtin: Whether it ships with ray_bench.
        is_evaluated: Whether it has an `evaluate`; also where only building it would tell.
    """

    name: str
    target: str
    summary: str
    dataset: str | None
    num_params: int | None
    defaults: WorkloadDefaults
    is_builtin: bool
    is_evaluated: bool = True


def _builtin(
    name: str, summary: str, dataset: str, num_params: int, defaults: WorkloadDefaults
) -> WorkloadInfo:
    return WorkloadInfo(
        name=name,
        target=f"ray_bench.workloads.image:{name.replace('-', '_')}",
        summary=summary,
        dataset=dataset,
        num_params=num_params,
        defaults=defaults,
        is_builtin=True,
    )


_CIFAR = WorkloadDefaults(
    batch_size=128,
    lr=0.1,
    momentum=0.9,
    weight_decay=5e-4,
    epochs=30,
    memory_format="channels_last",
)
_SMALL = WorkloadDefaults(
    batch_size=128,
    lr=0.02,
    momentum=0.9,
    weight_decay=0.0,
    epochs=3,
    memory_format="channels_last",
)

BUILTIN: Mapping[str, WorkloadInfo] = {
    info.name: info
    for info in (
        _builtin(
            "resnet50-cifar10", "ResNet-50 with a 3x3 stem, CIFAR-10", "cifar10", 23_520_842, _CIFAR
        ),
        _builtin(
            "resnet18-cifar10", "ResNet-18 with a 3x3 stem, CIFAR-10", "cifar10", 11_173_962, _CIFAR
        ),
        _builtin(
            "cnn-mnist", "two convolutions, two linear layers, MNIST", "mnist", 215_370, _SMALL
        ),
        _builtin(
            "mlp-mnist",
            "three linear layers, MNIST",
            "mnist",
            235_146,
            _SMALL.model_copy(update={"memory_format": "contiguous"}),
        ),
        _builtin(
            "cnn-fashion-mnist",
            "two convolutions, two linear layers, Fashion-MNIST (a subset ships with ray_bench)",
            "fashion-mnist",
            215_370,
            _SMALL.model_copy(update={"epochs": 8}),
        ),
        _builtin(
            "cnn-digits",
            "two convolutions, two linear layers, 1,797 digits that ship with ray_bench",
            "digits",
            31_050,
            _SMALL.model_copy(update={"batch_size": 64, "epochs": 10}),
        ),
        WorkloadInfo(
            name="gpt-stdlib",
            target="ray_bench.workloads.gpt:GptStdlib",
            summary="a language model of bytes, on the running Python's own standard library",
            dataset=None,  # it comes with Python
            num_params=842_496,
            defaults=WorkloadDefaults(
                batch_size=32,
                lr=2e-3,
                weight_decay=0.1,
                epochs=1,
                optimizer="adamw",
                schedule="cosine",
            ),
            is_builtin=True,
        ),
        WorkloadInfo(
            name="emulated",
            target="ray_bench.workloads.emulated:Emulated",
            summary="an accelerator emulated by sleeping, real all-reduce; plants what slows it",
            dataset=None,
            num_params=None,
            # Its accelerator sleeps on a CPU.
            defaults=WorkloadDefaults(batch_size=64, lr=0.1, momentum=0.0, epochs=1, use_gpu=False),
            is_builtin=True,
            is_evaluated=False,
        ),
    )
}


def find(name: str) -> WorkloadInfo:
    """Return what is known of a workload; the user's own is imported, nothing is built.

    Args:
        name: A built-in name, or `package.module:Name`; modules are also found in the working
            directory.

    Raises:
        ConfigError: There is no such name, module or attribute, it has no `build`, or it is a class
            or factory that asks for arguments.
    """
    if name in BUILTIN:
        return BUILTIN[name]
    if ":" not in name:
        raise ConfigError(_unknown_message(name))
    target = _attribute(name)
    if not callable(target) and not hasattr(target, "build"):
        raise ConfigError(f"{name!r} is {type(target).__name__} {target!r} and has no `build`.")
    if isinstance(target, type):
        _require_build(target, name)
    if isinstance(target, type) or not hasattr(target, "build"):
        _require_no_arguments(target, name)
    return WorkloadInfo(
        name=name,
        target=name,
        summary=(target.__doc__ or "").strip().partition("\n")[0],
        dataset=None,
        num_params=None,
        defaults=_defaults(target, name),
        is_builtin=False,
        is_evaluated=hasattr(target, "evaluate") or not hasattr(target, "build"),
    )


def load(name: str) -> Workload:
    """Return the workload: a class or factory is called, an instance is taken as it is.

    Raises:
        ConfigError: As `find`; or the factory's result has no `build`.
    """
    target = _attribute(find(name).target)
    if isinstance(target, type) or not hasattr(target, "build"):
        target = target()
    _require_build(target, name)
    workload: Workload = target
    return workload


def _unknown_message(name: str) -> str:
    close = difflib.get_close_matches(name, BUILTIN, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"built in are {', '.join(BUILTIN)};"
    return f"There is no workload {name!r}: {hint} Your own is given as `package.module:Name`."


def _attribute(target: str) -> Any:
    """Import `module:attribute`, the working directory included."""
    module_name, _, attribute = target.partition(":")
    parts = [*module_name.split("."), *attribute.split(".")]
    if not all(part.isidentifier() for part in parts):
        raise ConfigError(f"A workload of your own is `package.module:Name`, got {target!r}.")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as err:
        raise ConfigError(_import_message(target, module_name, err)) from err
    except (Exception, SystemExit) as err:  # a user's module may raise anything
        raise ConfigError(
            f"Module {module_name!r} of workload {target!r} cannot be imported: "
            f"{_what_and_where(err)}."
        ) from err
    try:
        return reduce(getattr, attribute.split("."), module)
    except AttributeError as err:
        close = difflib.get_close_matches(attribute, vars(module), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise ConfigError(f"Module {module_name!r} has no attribute {attribute!r}{hint}") from err


def _import_message(target: str, module_name: str, err: ModuleNotFoundError) -> str:
    if err.name and f"{module_name}.".startswith(f"{err.name}."):
        return (
            f"There is no module {err.name!r} for workload {target!r}; run from its folder "
            f"(now {os.getcwd()}) or install it."
        )
    return f"Workload {target!r} needs module {err.name!r}, which is not installed."


def _what_and_where(err: BaseException) -> str:
    """Return an error of a module in one line, with the line of code that raised it."""
    text = " ".join(str(err).split()).rstrip(".")
    what = f"{type(err).__name__}: {text}" if text else type(err).__name__
    frames = traceback.extract_tb(err.__traceback__)
    if isinstance(err, SyntaxError) or not frames:  # names its own file and line
        return what
    return f"{what} ({frames[-1].filename}, line {frames[-1].lineno})"


def _defaults(target: Any, name: str) -> WorkloadDefaults:
    defaults = getattr(target, "defaults", None)
    if defaults is None:
        return WorkloadDefaults()
    if not isinstance(defaults, WorkloadDefaults):
        raise ConfigError(
            f"`defaults` of {name!r} must be a WorkloadDefaults, got {type(defaults).__name__}."
        )
    return defaults


def _require_build(target: Any, name: str) -> None:
    if not callable(getattr(target, "build", None)):
        raise ConfigError(
            f"Workload {name!r} has no method `build(context)`; it returns "
            "(module, batches, loss_fn)."
        )


def _require_no_arguments(target: Any, name: str) -> None:
    try:
        inspect.signature(target).bind()
    except TypeError as err:
        raise ConfigError(
            f"Workload {name!r} is called without arguments and returns an object with "
            f"`build(context)`; {err}."
        ) from err
    except ValueError:
        return  # a callable of C code may not tell what it takes
