"""Whether ranks hold the same parameters, where nothing is known to keep them so.

A script can make a process group and average nothing over it, as where its DDP is for GPUs alone.
"""

from __future__ import annotations

from typing import Any

import torch

from ray_bench.attach.ranks import Meeting

#: Bits of an element, for a sum that no order of summation changes.
_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def have_equal_parameters(meeting: Meeting, optimizer: Any) -> bool:
    """Tell whether the parameters of an optimizer are bit for bit those of the other ranks.

    Every rank calls it after the same update.
    """
    mine = float(_fingerprint(optimizer))
    return meeting.largest(mine) == -meeting.largest(-mine)


def _fingerprint(optimizer: Any) -> int:
    parameters = (x for group in optimizer.param_groups for x in group["params"])
    return sum(map(_bits, parameters)) % 2**53  # what a float holds


def _bits(parameter: torch.Tensor) -> int:
    own = getattr(parameter, "to_local", lambda: parameter)()  # a DTensor's share
    values = torch.view_as_real(own.detach()) if own.is_complex() else own.detach()
    integers = values.contiguous().view(_INTEGERS[values.element_size()])
    return int(integers.sum(dtype=torch.int64))
