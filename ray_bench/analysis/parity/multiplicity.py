"""One error rate for several comparisons: Holm's procedure.

World sizes and rules share their baseline, so their tests depend on each other in a way that
differs with pairing, missing seeds and noise. Holm 1979 (Scandinavian Journal of Statistics 6) is
the closed procedure of Bonferroni's test, and holds whatever the dependence; Dunnett's would be
sharper, but wants equal noise everywhere. Equivalence and difference are two families.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values in the given order: at most alpha where Holm rejects at alpha."""
    values = np.asarray(p_values, dtype=float)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(x) for x in adjusted]
