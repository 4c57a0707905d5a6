"""Constant efficiency: every worker gives what one gives.

T(N) = c b(N), b the batch per worker, so X(N) = N / c. The law of a curve without losses, or of one
whose losses no longer grow; with one parameter the hardest one to beat on few points.
"""

from __future__ import annotations

from ray_bench.analysis.laws.law import Law, Parameter, as_they_are

LAW = Law(
    key="constant_efficiency",
    title="constant efficiency",
    formula="T = c b",
    parameters=(Parameter("cost", "worker-seconds per sample", "what a sample costs, c"),),
    family="none",
    terms=lambda place: (place.batch_share,),
    named=as_they_are,
)
