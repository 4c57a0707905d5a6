"""Parameters without a gradient: what DDP says of them, and what to do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import torch

from ray_bench.errors import UnusedParametersError

_DDP_SAYS = "Expected to have finished reduction in the prior iteration"
_INDICES = re.compile(r"did not receive grad for rank \d+: ([\d ]+)")
_MAX_NAMES = 4


@contextlib.contextmanager
def explained(module: torch.nn.Module) -> Iterator[None]:
    """Say it in the configuration's words where DDP finds a parameter without a gradient.

    Args:
        module: As it is in DDP.

    Raises:
        UnusedParametersError: Instead of DDP's own error.
    """
    try:
        yield
    except RuntimeError as err:
        if _DDP_SAYS not in str(err):
            raise
        raise UnusedParametersError(
            f"Parameters got no gradient in a step{_names(module, str(err))}: what the module "
            "computes with them is not in the loss, or not in every step. Set "
            "ddp.find_unused_parameters=true, or leave them out of the module."
        ) from err


def _names(module: torch.nn.Module, text: str) -> str:
    """Return the names of the parameters whose places DDP names, in parentheses."""
    found = _INDICES.search(text)
    names = [name for name, weight in module.named_parameters() if weight.requires_grad]
    places = [int(place) for place in found[1].split()] if found else []
    unused = [names[place] for place in places if place < len(names)]
    if not unused:
        return ""
    more = f" and {len(unused) - _MAX_NAMES} more" if len(unused) > _MAX_NAMES else ""
    return f" ({', '.join(unused[:_MAX_NAMES])}{more})"
