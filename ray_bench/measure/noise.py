"""How much equal work varies on this machine, and who else uses it."""

from __future__ import annotations

import math
import os
import statistics
import time
from dataclasses import dataclass

import psutil

#: Blocks of a run, at least; what its interval comes from.
BLOCKS = 20

_SPIN_S = 0.05
_NUM_SPINS = 40
_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What was heard in about two seconds."""

    spread_frac: float  # coefficient of variation of equal pieces of work
    steal_frac: float | None  # processor time that the hypervisor gave to others; None if unknown
    load_per_core: float  # load average of the last minute over the cores

    @property
    def visible_frac(self) -> float:
        """The half-width of a speedup's 95 % interval between two runs of `BLOCKS` blocks.

        1.96 CV sqrt(2 / n) by the delta method, for independent blocks; noise between runs comes
        on top.
        """
        return 1.96 * self.spread_frac * math.sqrt(2 / BLOCKS)


def listen(num_cores: int) -> Noise:
    """Time equal pieces of work one after the other, on one core."""
    before = _steal_and_total()
    durations_s = spin_times()
    after = _steal_and_total()
    steal = None
    if before is not None and after is not None and after[1] > before[1]:
        steal = (after[0] - before[0]) / (after[1] - before[1])
    return Noise(
        spread_frac=statistics.stdev(durations_s) / statistics.fmean(durations_s),
        steal_frac=steal,
        load_per_core=os.getloadavg()[0] / num_cores,
    )


def spin_times(num_spins: int = _NUM_SPINS, spin_s: float = _SPIN_S) -> list[float]:
    """Return the seconds that the same piece of work takes, again and again."""
    size = 1000
    while _spin(size) < spin_s:
        size *= 2
    size = max(1, int(size * spin_s / _spin(size)))
    return [_spin(size) for _ in range(num_spins)]


def _spin(size: int) -> float:
    begin_ns = time.perf_counter_ns()
    sum(range(size))
    return (time.perf_counter_ns() - begin_ns) * _NS


def _steal_and_total() -> tuple[float, float] | None:
    times = psutil.cpu_times()
    steal = getattr(times, "steal", None)  # Linux alone has it
    return None if steal is None else (steal, sum(times))
