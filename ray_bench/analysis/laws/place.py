"""Where a law is looked at: world sizes, the batch per worker there, and the workers of a node."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Arrays of shape (num_places,)."""

    world_size: np.ndarray
    batch_share: np.ndarray  # batch per worker, as a share of that at the smallest world size
    #: Of all places, or of each: shape (num_places,). None where it is unknown.
    workers_per_node: int | np.ndarray | None = None
    largest: float = math.inf  # world size that was measured; no law accelerates beyond it

    def __len__(self) -> int:
        return len(self.world_size)

    @property
    def num_nodes(self) -> np.ndarray:
        """Nodes that the workers fill; 1 everywhere where the size of a node is unknown."""
        if self.workers_per_node is None:
            return np.ones_like(self.world_size)
        return np.ceil(self.world_size / self.workers_per_node)

    @property
    def most_on_a_node(self) -> np.ndarray:
        """Workers of the fullest node; all of them where the size of a node is unknown."""
        if self.workers_per_node is None:
            return self.world_size
        return np.asarray(np.minimum(self.world_size, self.workers_per_node))

    @property
    def has_many_nodes(self) -> bool:
        """Whether some of the world sizes need more than one node."""
        return bool(self.num_nodes.max() > 1)

    def take(self, rows: slice | np.ndarray) -> Place:
        """Return some of the places."""
        held = self.workers_per_node
        return Place(
            world_size=self.world_size[rows],
            batch_share=self.batch_share[rows],
            workers_per_node=held[rows] if isinstance(held, np.ndarray) else held,
            largest=self.largest,
        )
