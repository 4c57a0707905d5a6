"""What a script may say of itself; nothing happens where nothing is attached to it."""

from __future__ import annotations

from typing import Any, Protocol


class _Listener(Protocol):
    def step(self, num_samples: int | None, num_tokens: int | None) -> None: ...

    def log(self, values: dict[str, float]) -> None: ...


_listener: _Listener | None = None


def listen(listener: _Listener | None) -> None:
    """Let a session of this process hear what the script says; None: nobody does."""
    global _listener
    _listener = listener


def step(*, num_samples: int | None = None, num_tokens: int | None = None) -> None:
    """Say that a training step is over, in place of what the optimizer's updates tell.

    Args:
        num_samples: Of this rank; None: as counted at the data loaders.
        num_tokens: Of this rank.
    """
    if _listener is not None:
        _listener.step(num_samples, num_tokens)


def log(**values: Any) -> None:
    """Keep numbers by name, such as `val_accuracy=0.93`."""
    if _listener is not None:
        _listener.log({name: float(value) for name, value in values.items()})
