"""Which rank a process is, and what ranks agree on."""

from __future__ import annotations

import time

import pytest

from ray_bench.attach.ranks import Meeting, Rank, told_rank
from tests.ranks import RankError, run_ranks


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, Rank(0, 1, 0)),
        ({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, Rank(3, 8, 1)),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}, Rank(2, 4, 0)),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, Rank(1, 2, 1)),
        ({"RANK": "", "WORLD_SIZE": "many"}, Rank(0, 1, 0)),
    ],
)
def test_the_launcher_says_which_rank_a_process_is(environment, rank):
    assert told_rank(environment) == rank


def test_ranks_agree_on_the_largest_value(tmp_path):
    def job(group):
        meeting = Meeting()
        return [meeting.largest(group.rank * sign) for sign in (1.0, -1.0)]

    assert run_ranks(job, 3, tmp_path) == [[2.0, 0.0]] * 3


def test_a_rank_that_waits_in_vain_is_told_in_time(tmp_path):
    def job(group):
        if group.rank == 0:
            Meeting(patience_s=0.5).largest(1.0)
        else:
            time.sleep(1.0)

    with pytest.raises(RankError, match=r"rank 0 has waited 0\.5 s for rank 1"):
        run_ranks(job, 2, tmp_path)
