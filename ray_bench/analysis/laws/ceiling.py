"""A ceiling per node: up to some number of workers all is well, then the node gives no more.

X(N) = min(x1 N, X_max m), m nodes: the workers of a node share something that has a limit, mostly
the input pipeline (a roofline: Williams, Waterman and Patterson 2009, CACM 52(4)). The number of
workers at which the ceiling is reached is found with the two rates, so it counts as a parameter.
With nodes of unknown size all workers share one ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ray_bench.analysis.laws.law import Family, Mode, Parameter
from ray_bench.analysis.laws.place import Place

#: A place this near to where the ceiling is reached is at it, so that rounding decides nothing.
_ROUNDING = 1e-9


def _crowd(place: Place) -> np.ndarray:
    """Return ln of the workers that share one ceiling."""
    return np.asarray(np.log(place.world_size / place.num_nodes))


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingLaw:
    """The law with a break; the same methods as a Law. Coefficients: ln cost below and above."""

    key: str = "node_ceiling"
    title: str = "ceiling per node"
    formula: str = "X = min(x1 N, x_max m), m = ceil(N / P)"
    parameters: tuple[Parameter, ...] = (
        Parameter("throughput_at_one", "samples/s", "throughput x1 of 1 worker below the ceiling"),
        Parameter("ceiling", "samples/s", "throughput x_max of a node at its ceiling"),
        Parameter("workers_at_ceiling", "1", "workers of a node that reach the ceiling"),
    )
    family: Family = "ceiling"

    @property
    def num_parameters(self) -> int:
        """How many numbers the data have to give."""
        return len(self.parameters)

    @property
    def is_free(self) -> tuple[bool, ...]:
        """Both logarithms of a cost may be negative."""
        return (True, True)

    def applies(self, place: Place, mode: Mode) -> bool:
        """Whether the law can be told from simpler ones on such data."""
        return mode == "weak" and len(place) > 1 and bool(np.ptp(_crowd(place)) > 0)

    def fit(self, place: Place, log_cost: np.ndarray, root: np.ndarray) -> np.ndarray:
        """Return the coefficients of least squares; see Law.fit."""
        best = np.zeros((len(log_cost), 3))
        least = np.full(len(log_cost), np.inf)
        crowd = _crowd(place)
        order = np.argsort(crowd, kind="stable")
        for cut in range(1, len(place)):
            below = np.isin(np.arange(len(place)), order[:cut]).astype(float)
            columns = root @ np.stack([below, 1 - below], axis=1)
            target = (log_cost - (1 - below) * crowd) @ root.T
            found = np.linalg.lstsq(columns, target.T, rcond=None)[0].T
            found = np.concatenate([found, np.ones((len(found), 1))], axis=1)
            misfit = (log_cost - self.log_cost(found, place)) @ root.T
            loss = (misfit**2).sum(axis=1)
            best = np.where((loss < least)[:, None], found, best)
            least = np.minimum(loss, least)
        return best

    def log_cost(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return ln(N / X) of every draw, shape (num_draws, num_places)."""
        crowd = _crowd(place)
        return np.asarray(np.maximum(coefficients[:, :1], coefficients[:, 1:2] + crowd))

    def slopes(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return d ln(N / X) / d coefficients of both rates, shape (num_places, 2)."""
        above = coefficients[1] + _crowd(place) > coefficients[0] - _ROUNDING
        return np.stack([~above, above], axis=1).astype(float)

    def shares(self, coefficients: np.ndarray, place: Place) -> np.ndarray:
        """Return 1 for every coefficient: none has a bound."""
        del place
        return np.ones(len(coefficients))

    def values(self, coefficients: np.ndarray) -> dict[str, np.ndarray]:
        """Return the parameters by name, of coefficients of shape (..., 3)."""
        below, above = coefficients[..., 0], coefficients[..., 1]
        found = (np.exp(-below), np.exp(-above), np.exp(below - above))
        return {p.name: np.asarray(x) for p, x in zip(self.parameters, found, strict=True)}


LAW = CeilingLaw()
