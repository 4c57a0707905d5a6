"""Step time against batch per worker: T = a + c b, whatever the number of workers.

Every step has a fixed part (launching kernels, optimizer, the last bucket), and a part that grows
with the batch per worker b. With a fixed global batch this is Amdahl's law; here the batch may
change in any way, as it does between entries of MLPerf (the linear form is that of Qiao et al.
2021, Pollux, OSDI, section 3.2).
"""

from __future__ import annotations

import numpy as np

from ray_bench.analysis.laws.law import Law, Parameter, as_they_are
from ray_bench.analysis.laws.parameters import PER_DOUBLING
from ray_bench.analysis.laws.place import Place

_FIXED = Parameter("fixed", "s", "time a of a step with an empty batch")
_BATCH = Parameter("batch", "s", "time c of the batch per worker at the smallest world size")


def _terms(place: Place) -> tuple[np.ndarray, ...]:
    return np.ones_like(place.world_size), place.batch_share


def _log_terms(place: Place) -> tuple[np.ndarray, ...]:
    return (*_terms(place), np.log2(place.world_size))


LAW = Law(
    key="batch",
    title="fixed time and time per sample",
    formula="T = a + c b",
    parameters=(_FIXED, _BATCH),
    family="fixed",
    terms=_terms,
    named=as_they_are,
    modes=("mixed",),
    needed=(1,),
)
WITH_LOG = Law(
    key="batch_log",
    title="fixed time, time per sample and per doubling",
    formula="T = a + c b + d log2 N",
    parameters=(_FIXED, _BATCH, PER_DOUBLING),
    family="fixed",
    terms=_log_terms,
    named=as_they_are,
    modes=("strong", "mixed"),
    needed=(1,),
)
