"""The hooks on torch by which a session hears of a script, and their removal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from ray_bench.attach.engines import engine_class, follow
from ray_bench.attach.loaders import tap
from ray_bench.attach.session import Session
from ray_bench.attach.wrapping import wrap


@contextlib.contextmanager
def listening(session: Session) -> Iterator[None]:
    """Let a session hear of everything in this process."""
    with contextlib.ExitStack() as stack:
        stack.callback(tap(session.ledger))
        stack.callback(register_optimizer_step_post_hook(_opaque(session.updated)).remove)
        stack.callback(wrap(torch.autograd, "backward", _backward(session, stack)))
        stack.callback(wrap(torch.nn.Module, "train", _mode(session)))
        stack.callback(wrap(torch.autocast, "__enter__", _autocast(session)))
        stack.callback(wrap(torch.amp.GradScaler, "_maybe_opt_step", _scaled(session)))
        yield


def _opaque(hook: Callable[..., Any]) -> Any:
    """Keep a hook out of what torch compiles."""
    return torch.compiler.disable(hook)  # type: ignore[no-untyped-call]


def _backward(session: Session, stack: contextlib.ExitStack) -> Callable[[Callable[..., Any]], Any]:
    is_first = True

    def around(original: Callable[..., Any]) -> Any:
        def backward(*args: Any, **kwargs: Any) -> Any:
            nonlocal is_first
            if is_first:  # what the script needs has been imported by now
                is_first = False
                if (engines := engine_class()) is not None:
                    stack.callback(follow(engines, session))
            session.ledger.backward()
            return original(*args, **kwargs)

        return _opaque(backward)

    return around


def _mode(session: Session) -> Callable[[Callable[..., Any]], Any]:
    def around(original: Callable[..., Any]) -> Any:
        def train(self: Any, mode: bool = True) -> Any:
            if mode != self.training:
                (session.resume if mode else session.pause)()
            return original(self, mode)

        return train

    return around


def _autocast(session: Session) -> Callable[[Callable[..., Any]], Any]:
    def around(original: Callable[..., Any]) -> Any:
        def enter(self: Any) -> Any:
            if self._enabled:
                session.autocast = self.fast_dtype
            return original(self)

        return enter

    return around


def _scaled(session: Session) -> Callable[[Callable[..., Any]], Any]:
    def around(original: Callable[..., Any]) -> Any:
        def step(self: Any, optimizer: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, optimizer, state, *args, **kwargs)
            if sum(float(x) for x in state["found_inf_per_device"].values()):
                session.updated(optimizer, was_skipped=True)
            return result

        return step

    return around
