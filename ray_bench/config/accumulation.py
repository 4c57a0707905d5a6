"""How a worker's share of a step is cut into micro-batches, whose gradients are added up."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Of a long list of divisors so many are named.
_MAX_NAMED = 8


def micro_steps(local_batch_size: int, most: int) -> int:
    """Return the smallest number of micro-batches that have at most `most` samples each.

    Args:
        local_batch_size: Samples of a worker in an optimizer step.
        most: Samples that a worker computes at once.
    """
    return -(-local_batch_size // most)


def complaint(
    steps: Sequence[int], most: int | None, local_batch_sizes: Sequence[int], *, has_graphs: bool
) -> str | None:
    """Say what is wrong with how steps are to be cut; None where nothing is.

    Args:
        steps: Micro-batches of a step, each number that is asked for.
        most: Samples that a worker computes at once, instead; None: not given.
        local_batch_sizes: Samples of a worker in an optimizer step, at every world size; empty
            while the batch is unknown.
        has_graphs: Whether CUDA graphs are recorded.
    """
    if min(steps) < 1:
        return f"accumulate_steps must be 1 or more, got {min(steps)}"
    if most is not None and tuple(steps) != (1,):
        return (
            "`accumulate_steps` and `max_local_batch_size` both say how a step is cut into "
            "micro-batches; give one of them"
        )
    if not local_batch_sizes:
        return None
    found = [_uneven_steps(local_batch_sizes, count) for count in steps]
    found += [] if most is None else [_uneven_most(local_batch_sizes, most)]
    counts = [*steps, *(micro_steps(size, most) for size in local_batch_sizes if most)]
    if has_graphs and max(counts) > 1:
        return (
            "compile=reduce-overhead keeps gradients in the memory of a CUDA graph, which the next "
            "micro-batch would write over; take compile=default, or one micro-batch a step"
        )
    return next((words for words in found if words is not None), None)


def _uneven_steps(local_batch_sizes: Sequence[int], steps: int) -> str | None:
    """Say why shares cannot be cut into so many equal micro-batches; None where they can."""
    odd = next((size for size in local_batch_sizes if size % steps), None)
    if odd is None:
        return None
    fitting = _named(_divisors(math.gcd(*local_batch_sizes)))
    return (
        f"the {odd} samples of a worker in a step cannot be cut into {steps} equal micro-batches; "
        f"accumulate_steps can be {fitting} here"
    )


def _uneven_most(local_batch_sizes: Sequence[int], most: int) -> str | None:
    """Say why the fewest micro-batches of at most `most` samples differ; None where not."""
    odd = next((size for size in local_batch_sizes if size % micro_steps(size, most)), None)
    if odd is None:
        return None
    fitting = [m for m in _divisors(max(local_batch_sizes)) if _is_even(local_batch_sizes, m)]
    near = [max((m for m in fitting if m < most), default=None)]
    near += [min((m for m in fitting if m > most), default=None)]
    return (
        f"the {odd} samples of a worker in a step make {micro_steps(odd, most)} micro-batches of "
        f"at most {most}, which are not equal (divisors of {odd}: {_named(_divisors(odd))}); "
        f"max_local_batch_size can be {' or '.join(str(m) for m in near if m is not None)} here"
    )


def _is_even(local_batch_sizes: Sequence[int], most: int) -> bool:
    return all(size % micro_steps(size, most) == 0 for size in local_batch_sizes)


def _divisors(number: int) -> list[int]:
    return [k for k in range(1, number + 1) if number % k == 0]


def _named(numbers: Sequence[int]) -> str:
    if len(numbers) <= _MAX_NAMED:
        return ", ".join(map(str, numbers))
    shown = ", ".join(map(str, numbers[: _MAX_NAMED - 1]))
    return f"{shown}, ... {numbers[-1]}"
