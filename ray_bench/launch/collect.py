"""What ranks wrote before they died: their files, read where they are."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ray_bench.launch.words import Kept, RankWords, RunKey, records_of

logger = logging.getLogger(__name__)

#: A process has to start for it on another node.
_PATIENCE_S = 10.0

Found = list[tuple[RunKey, Kept]]


def collect(last_words: Iterable[RankWords]) -> dict[int, Found]:
    """Return the records of ranks that ended without a word, by rank; their files are removed.

    A file on this host is read here, one on another node that lives by a task there. What a node
    does not give within some seconds is lost, as is what was on a node that is.
    """
    here, elsewhere = {}, {}
    for words in last_words:
        if words.rank is None or words.file is None or words.is_last:
            continue
        if os.path.exists(words.file):
            here[words.rank] = _read(words.file)
        elif words.node_id is not None and words.node_id in _other_nodes():
            at = NodeAffinitySchedulingStrategy(words.node_id, soft=False)
            elsewhere[_read_there.options(scheduling_strategy=at).remote(words.file)] = words.rank
    return here | _gathered(elsewhere)


def _gathered(asked: dict[Any, int]) -> dict[int, Found]:
    if not asked:
        return {}
    done, late = ray.wait(list(asked), num_returns=len(asked), timeout=_PATIENCE_S)
    for task in late:
        ray.cancel(task)
    found = {}
    for task in done:
        try:
            found[asked[task]] = ray.get(task)
        except ray.exceptions.RayError as err:
            logger.warning("The file of rank %s cannot be read: %s", asked[task], err)
    return found


def _other_nodes() -> set[str]:
    if not ray.is_initialized():
        return set()
    own = ray.get_runtime_context().get_node_id()
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return {node["NodeID"] for node in nodes if node["Alive"] and node["NodeID"] != own}


def _read(file: str) -> Found:
    path = Path(file)
    if not path.exists():
        return []
    found = records_of(path.read_text().splitlines())
    path.unlink()
    return found


@ray.remote(num_cpus=0)
def _read_there(file: str) -> Found:
    return _read(file)
