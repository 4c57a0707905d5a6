"""An all-reduce sweep on its own, as a report."""

from __future__ import annotations

from ray_bench.analysis.network import network_study
from ray_bench.errors import AnalysisError
from ray_bench.records import Columns
from ray_bench.report.model import Report
from ray_bench.report.pictures import network_pictures
from ray_bench.report.sections import network


def network_report(network_id: str, columns: Columns, *, is_nccl_tests: bool = False) -> Report:
    """Return the report of an all-reduce sweep.

    Args:
        network_id: Its id; the sweep's where it was measured before a sweep.
        columns: Rows of NetworkRecord.
        is_nccl_tests: Whether nccl-tests measured it, and not we.

    Raises:
        AnalysisError: There are no rows.
    """
    study = network_study(columns)
    if study is None:
        raise AnalysisError(
            f"All-reduce sweep {network_id} has no rows; measure one with `ray-bench network`."
        )
    return Report(
        title=f"Network: all-reduce with {study.backend} on {study.device}",
        sweep_id=network_id,
        answer=network.summary(study),
        flags=(),
        sections=network.sections(columns, is_nccl_tests=is_nccl_tests),
        pictures=network_pictures(columns),
    )
