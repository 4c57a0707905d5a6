"""How a fit ended. Each value is a sentence that says what to try."""

from __future__ import annotations

from enum import Enum


class FitStatus(Enum):
    """The outcome of a fit; a poor outcome is data, not an exception."""

    CONVERGED = "The law was fitted and has more world sizes than parameters."
    AT_BOUND = (
        "A parameter is at the edge of what is physical: the data follow the law only in its "
        "limit. Measure more world sizes, and look for caches, turbo clocks or other jobs on the "
        "machine."
    )
    UNDERDETERMINED = (
        "There are as many parameters as world sizes: the curve passes through the points whatever "
        "the truth is, so the law is not tested by the data. Measure at least one more world size."
    )
    NOT_CONVERGED = (
        "The fit found no finite parameters. Look at the throughputs, and measure more world sizes."
    )
