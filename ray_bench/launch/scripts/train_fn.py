"""Somebody's Ray Train function, called in the worker as Ray would, with a session beside it."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import numbers
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from ray import train

from ray_bench.attach import api
from ray_bench.attach.about import Script
from ray_bench.attach.ending import EarlyEnd
from ray_bench.attach.hooks import listening
from ray_bench.attach.ranks import Rank
from ray_bench.attach.session import Session, Wanted
from ray_bench.config.schema import SweepConfig
from ray_bench.config.script import filled
from ray_bench.config.script_grid import values_of
from ray_bench.errors import ConfigError
from ray_bench.launch.courier import Courier
from ray_bench.launch.requests import ExpectedRun, Launch
from ray_bench.launch.scripts.journal import JournalReader
from ray_bench.launch.scripts.rank import RankEnd
from ray_bench.train.group import Group

_LOOK_EVERY_S = 1.0


def function_end(
    launch: Launch,
    expected: ExpectedRun,
    group: Group,
    courier: Courier,
    *,
    own: str,
    run_dir: str,
) -> RankEnd:
    """Call the function on this rank; return what it left.

    What it raises comes through, so that Ray ends the other ranks as it always does.

    Args:
        launch: Names the function.
        expected: The run.
        group: This rank.
        courier: Told how far it is.
        own: Folder for what the rank measures.
        run_dir: Folder for what the function writes.
    """
    config, planned = launch.config, expected.planned
    journal = JournalReader(
        Path(own),
        run_id=planned.run_id,
        num_steps=None if config.until_end else config.steps,
        live=courier.live,
        record=courier.record,
    )
    session = _session(config, group, Path(own) / "attached")
    given = filled(config.train_fn_config, values_of(config, planned.point, run_dir))
    with _followed(journal):
        _call(imported(config.train_fn or ""), given, session)
    return RankEnd(
        rank=group.rank,
        failure=None,
        is_stopped=False,
        ended_s=time.time(),
        journal=journal.content,
        output=b"",
    )


def imported(target: str) -> Callable[..., Any]:
    """Return the function of `module:name`.

    Raises:
        ConfigError: There is none.
    """
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name, None)
    if not callable(function):
        raise ConfigError(f"Module {module!r} has no function {name!r}; look for a slip.")
    return function  # type: ignore[no-any-return]


def _session(config: SweepConfig, group: Group, folder: Path) -> Session:
    script = Script(name=config.target_name, path=None, arguments=(), sha256=None)
    wanted = Wanted(
        num_steps=None if config.until_end else config.steps,
        measure=config.measure,
        phase_steps=config.measure.phase_steps,
        script=script,
        launched="train_fn",
    )
    return Session(wanted, Rank(group.rank, group.world_size, group.local_rank), folder)


def _call(function: Callable[..., Any], given: Mapping[str, Any], session: Session) -> None:
    reason, error = "the function failed", None
    api.listen(session)
    try:
        with listening(session), _hearing_reports(session), contextlib.suppress(EarlyEnd):
            # As Ray: a function need not take its configuration.
            function(*([dict(given)] if inspect.signature(function).parameters else []))
        reason = "the function ended"
    except BaseException as err:
        error = err
        raise
    finally:
        api.listen(None)
        session.close(reason, error)


@contextlib.contextmanager
def _hearing_reports(session: Session) -> Iterator[None]:
    """Keep the numbers that the function reports, by their names."""
    original = train.report

    @functools.wraps(original)
    def report(metrics: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        session.log({name: float(x) for name, x in metrics.items() if _is_number(x)})
        return original(metrics, *args, **kwargs)

    train.report = report
    try:
        yield
    finally:
        train.report = original


def _is_number(value: Any) -> bool:
    """Tell whether a reported value is one, of Python, NumPy or torch."""
    if isinstance(value, torch.Tensor):
        return value.numel() == 1 and not value.is_complex()
    return isinstance(value, numbers.Real)


@contextlib.contextmanager
def _followed(journal: JournalReader) -> Iterator[None]:
    """Tell from a thread how far the function is."""
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            journal.look()

    thread = threading.Thread(target=follow, name="journal", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        journal.look()
