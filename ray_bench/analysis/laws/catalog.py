"""All laws, simplest first."""

from __future__ import annotations

from ray_bench.analysis.laws import (
    amdahl,
    batch,
    ceiling,
    gustafson,
    ideal,
    logarithmic,
    power,
    ring,
    step,
    tree,
    two_level,
    usl,
)
from ray_bench.analysis.laws.ceiling import CeilingLaw
from ray_bench.analysis.laws.law import Law, Mode
from ray_bench.analysis.laws.place import Place
from ray_bench.analysis.laws.step import StepLaw

AnyLaw = Law | CeilingLaw | StepLaw

LAWS: tuple[AnyLaw, ...] = (
    ideal.LAW,
    amdahl.LAW,
    batch.LAW,
    gustafson.LAW,
    ring.BANDWIDTH,
    logarithmic.LAW,
    power.LAW,
    usl.USL2,
    two_level.FLAT,
    two_level.HIERARCHICAL,
    two_level.LOGARITHMIC,
    ring.LAW,
    tree.LAW,
    usl.USL3,
    batch.WITH_LOG,
    ceiling.LAW,
    step.LAW,
)


def laws_for(place: Place, mode: Mode) -> tuple[AnyLaw, ...]:
    """Return the laws that can be told apart on such data."""
    return tuple(law for law in LAWS if law.applies(place, mode))
