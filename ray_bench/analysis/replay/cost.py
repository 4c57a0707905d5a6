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
class Wire:
    """A link: seconds a message and seconds a byte; numbers, or arrays of draws."""

    alpha_s: float | np.ndarray
    beta_s_per_byte: float | np.ndarray

    def slower(self, other: Wire) -> Wire:
        """Return the pace of both together."""
        return Wire(
            alpha_s=np.maximum(self.alpha_s, other.alpha_s),
            beta_s_per_byte=np.maximum(self.beta_s_per_byte, other.beta_s_per_byte),
        )


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
        inside = _ring(self.within, min(world_size, self.workers_per_node), num_bytes)
        return np.asarray(inside + self._reduced(self.between, nodes, num_bytes))

    def _reduced(self, wire: Wire, count: int, num_bytes: np.ndarray) -> np.ndarray:
        if self.algorithm == "ring":
            return _ring(wire, count, num_bytes)
        tree = np.asarray(
            2 * math.log2(count) * wire.alpha_s + 2 * num_bytes * wire.beta_s_per_byte
        )
        if self.algorithm == "tree":
            return tree
        return np.asarray(np.minimum(tree, _ring(wire, count, num_bytes)))


def _ring(wire: Wire, count: int, num_bytes: np.ndarray) -> np.ndarray:
    steps = 2 * (count - 1)
    return np.asarray(steps * wire.alpha_s + steps / count * num_bytes * wire.beta_s_per_byte)
