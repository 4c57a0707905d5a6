"""What a law is: named parameters, and step time as a sum of terms of the world size.

A law speaks of the step time T(N), as a multiple of an unknown unit where only throughput is known.
It is fitted to relative residuals. `log_cost` is ln(N / X), the worker-seconds that a sample costs:
flat where scaling is ideal, in strong and in weak scaling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_bench.analysis.laws.place import Place
from ray_bench.analysis.laws.solve import solve

#: A term below this share of the whole is rounding, and its parameter is at its bound.
NEGLIGIBLE_FRAC = 1e-9

#: Whose batch is fixed: the global one, that of a worker, or neither (given with every point).
Mode = Literal["strong", "weak", "mixed"]
ALL_MODES: tuple[Mode, ...] = ("strong", "weak", "mixed")

#: Laws of a family say nearly the same far out; together they have one vote in a forecast.
Family = Literal[
    "none", "fixed", "saturating", "logarithmic", "linear", "node", "node_tree", "ceiling"
]

#: What is a sum of terms: the step time, its inverse per sample (a rate), or the log of the cost.
Response = Literal["step_time", "rate", "log_cost"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a law. All are bounded below by 0, unless they say otherwise."""

    name: str
    unit: str
    meaning: str
    low: float = 0.0
    high: float = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A law that is linear in its coefficients, one a column of `terms`."""

    key: str
    title: str
    formula: str
    parameters: tuple[Parameter, ...]
    family: Family
    terms: Callable[[Place], tuple[np.ndarray, ...]]
    named: Callable[[np.ndarray], tuple[np.ndarray, ...]]  # coefficients (..., k) to parameters
    response: Response = "step_time"
    modes: tuple[Mode, ...] = ALL_MODES
    needs_nodes: bool = False  # only where the data span more than one node
    bounded: tuple[bool, ...] | None = None  # of the coefficients; None: all are at least 0
    needed: tuple[int, ...] = (0,)  # coefficients above 0: some computation there is

    @property
    def num_parameters(self) -> int:
        """How many numbers the data have to give."""
        return len(self.parameters)

    def applies(self, place: Place, mode: Mode) -> bool:
        """Whether the law can be told from simpler ones on such data."""
        return mode in self.modes and (not self.needs_nodes or place.has_many_nodes)

    def fit(self, place: Place, log_cost: np.ndarray, root: np.ndarray) -> np.ndarray:
        """Return the coefficients of least squares, shape (num_draws, num_parameters).

        Args:
            place: The world sizes.
            log_cost: ln(N / X), shape (num_draws, num_points).
            root: Whitens the relative residuals, shape (num_points, num_points): root' root is
                the inverse of their covariance.
        """
        columns = self._columns(place)[None, :, :]
        if self.response == "log_cost":
            rows, target = np.broadcast_to(columns, (*log_cost.shape, columns.shape[2])), log_cost
        else:
            sign = -1.0 if self.response == "step_time" else 1.0
            rows = columns * np.exp(sign * log_cost)[:, :, None]
            target = np.ones_like(log_cost)
        return solve(root @ rows, target @ root.T, self.is_free, self.needed)

    def log_cost(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return ln(N / X) of every draw, shape (num_draws, num_places)."""
        sums = coefficients @ self._columns(place).T
        if self.response == "log_cost":
            return np.asarray(sums)
        logs = np.log(np.maximum(sums, np.finfo(float).tiny))
        return np.asarray(logs if self.response == "step_time" else -logs)

    def slopes(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return d ln(N / X) / d coefficients, shape (num_places, num_parameters)."""
        columns = self._columns(place)
        if self.response == "log_cost":
            return columns
        sums = np.maximum(columns @ coefficients, np.finfo(float).tiny)
        slopes = columns / sums[:, None]
        return np.asarray(slopes if self.response == "step_time" else -slopes)

    def shares(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return how much every coefficient matters against the whole; 1 where it is free."""
        parts = np.abs(coefficients * self._columns(place)).max(axis=0)
        whole = 1.0 if self.response == "log_cost" else float(parts.sum())
        return np.where(self.is_free, 1.0, parts / max(whole, np.finfo(float).tiny))

    def values(self, coefficients: np.ndarray) -> dict[str, np.ndarray]:
        """Return the parameters by name, of coefficients of shape (..., num_parameters)."""
        found = self.named(coefficients)
        return {p.name: np.asarray(x) for p, x in zip(self.parameters, found, strict=True)}

    @property
    def is_free(self) -> tuple[bool, ...]:
        """Of every coefficient, whether it may be negative."""
        return (
            tuple(not x for x in self.bounded) if self.bounded else (False,) * len(self.parameters)
        )

    def _columns(self, place: Place) -> np.ndarray:
        columns = np.stack(self.terms(place), axis=1)
        # A law of the step time becomes one of the cost of a sample: T / batch.
        return columns / place.batch_share[:, None] if self.response == "step_time" else columns


def as_they_are(coefficients: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the coefficients as parameters."""
    return tuple(np.moveaxis(coefficients, -1, 0))
