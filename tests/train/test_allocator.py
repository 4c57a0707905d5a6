"""Freed memory stays with the process: counted in page faults, which load does not change."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

#: Page faults of 20 buffers of 64 MiB, taken, written and freed one after the other.
_FAULTS = """
import resource, torch
from ray_bench.train.allocator import keep_freed_memory
{call}
def fill():
    torch.empty(2**24).fill_(1.0)
for _ in range(8):
    fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(call: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS.format(call=call)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_buffers_of_a_step_are_not_taken_from_the_kernel_every_time():
    kept, given_back = faults("assert keep_freed_memory()"), faults("")
    assert given_back > 20 * 32  # 2 MiB pages at the largest
    assert kept * 2 < given_back  # glibc may still place a buffer elsewhere now and then
