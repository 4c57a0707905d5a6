"""What an all-reduce of S bytes costs N workers, within a node and over several.

    ring            2 (N - 1) alpha + 2 (N - 1) / N S beta
    tree            2 log2(N) alpha + 2 S beta
    quicker         the less of the two, buffer by buffer, as NCCL chooses

(ring: Thakur, Rabenseifner and Gropp 2005, IJHPCA 19(1); double binary tree: Sanders, Speck and
Traeff 2009, Parallel Computing 35(12)). With g workers on each of m nodes:

    flat            one ring or tree over all workers, at the pace of the slowest link
    hierarchical    reduce-scatter and all-gather within nodes, 2 (g - 1) alpha + 2 (g - 1) / g S
                    beta, and an all-reduce between the m nodes (Jia et al. 2018, arXiv 1807.11205)

The link between nodes is that of a whole node: what its workers send goes through it together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

Algorithm = Literal["ring", "tree", "quicker"]
Levels = Literal["hierarchical", "flat"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """By what alpha and beta miss the all-reduces that were measured: measured / model by size."""

    num_bytes: np.ndarray  # ascending, shape (num_sizes,)
    factor: np.ndarray  # shape (num_sizes,)

    def at(self, num_bytes: np.ndarray) -> np.ndarray:
        """Return the factor of every size: between two measured ones a power of the size."""
        sizes = np.log(np.maximum(num_bytes, 1.0))
        return np.asarray(np.exp(np.interp(sizes, np.log(self.num_bytes), np.log(self.factor))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A link: seconds a message and seconds a byte; numbers, or arrays of draws."""

    alpha_s: float | np.ndarray
    beta_s_per_byte: float | np.ndarray
    #: Alpha is a share of the all-reduces of so many workers, by the hops of a ring, though they
    #: need not have been reduced in one. A tree has fewer hops, and as much time at that size.
    ring_workers: int | None = None
    correction: Correction | None = None

    def slower(self, other: Wire) -> Wire:
        """Return the pace of both together."""
        return Wire(
            alpha_s=np.maximum(self.alpha_s, other.alpha_s),
            beta_s_per_byte=np.maximum(self.beta_s_per_byte, other.beta_s_per_byte),
            ring_workers=other.ring_workers or self.ring_workers,
            correction=other.correction or self.correction,
        )

    def ring_s(self, count: int, num_bytes: np.ndarray) -> np.ndarray:
        """Return the seconds of a ring of `count` for every buffer."""
        steps = 2 * (count - 1)
        return self._corrected(
            steps * self.alpha_s + steps / count * num_bytes * self.beta_s_per_byte, num_bytes
        )

    def tree_s(self, count: int, num_bytes: np.ndarray) -> np.ndarray:
        """Return the seconds of a double binary tree of `count` for every buffer."""
        given = self.ring_workers
        share = (given - 1) / math.log2(given) if given is not None and given > 1 else 1.0
        hops_s = 2 * math.log2(count) * share * self.alpha_s
        return self._corrected(hops_s + 2 * num_bytes * self.beta_s_per_byte, num_bytes)

    def _corrected(self, seconds: float | np.ndarray, num_bytes: np.ndarray) -> np.ndarray:
        factor = 1.0 if self.correction is None else self.correction.at(num_bytes)
        return np.asarray(seconds * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The links between workers, and how buffers are reduced over them."""

    within: Wire
    between: Wire | None = None  # of a node as a whole
    workers_per_node: int | None = None  # None: all workers are alike
    algorithm: Algorithm = "ring"
    levels: Levels = "hierarchical"

    def num_nodes(self, world_size: int) -> int:
        """Return the nodes that so many workers fill."""
        if self.workers_per_node is None or self.between is None:
            return 1
        return math.ceil(world_size / self.workers_per_node)

    def with_wires(self, within: Wire, between: Wire | None) -> Network:
        """Return the same network with other links."""
        return replace(self, within=within, between=between)

    def all_reduce_s(self, world_size: int, num_bytes: np.ndarray) -> np.ndarray:
        """Return the seconds of an all-reduce of every buffer; shapes broadcast with the wire's."""
        nodes = self.num_nodes(world_size)
        if world_size == 1:
            return np.zeros_like(num_bytes, dtype=float)
        if nodes == 1 or self.between is None or self.workers_per_node is None:
            return self._reduced(self.within, world_size, num_bytes)
        if self.levels == "flat":
            return self._reduced(self.within.slower(self.between), world_size, num_bytes)
        inside = self.within.ring_s(min(world_size, self.workers_per_node), num_bytes)
        return np.asarray(inside + self._reduced(self.between, nodes, num_bytes))

    def _reduced(self, wire: Wire, count: int, num_bytes: np.ndarray) -> np.ndarray:
        if self.algorithm == "ring":
            return wire.ring_s(count, num_bytes)
        tree = wire.tree_s(count, num_bytes)
        if self.algorithm == "tree":
            return tree
        return np.asarray(np.minimum(tree, wire.ring_s(count, num_bytes)))
