"""Memory of activations stays with the process from step to step, on CPUs under glibc."""

from __future__ import annotations

import ctypes
import logging
import platform
from functools import cache

logger = logging.getLogger(__name__)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
#: Larger than any tensor of a step: freed memory is kept, for the next one of its kind.
_KEPT_BYTES = 2**30
#: Before 2.35 glibc takes no larger mmap threshold than this (half the size of a heap).
_OLD_MOST_BYTES = 2**25


@cache
def keep_freed_memory() -> bool:
    """Let malloc keep what a step frees; return whether it does. Once a process.

    By default glibc gives a buffer above 32 MiB back to the system as soon as it is freed, and a
    training step frees its activations: every step then takes them anew, page by page, zeroed by
    the kernel. For ResNet-50 at batch 128 that is 660,000 page faults a step, a quarter of its CPU
    time. The peak of the resident set grows, as freed holes are not always filled. In a thread it
    helps only as far as there is one arena for all (`launch.settings.LOOP_ENV`).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    kept = (
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES) == 1,
        any(libc.mallopt(_M_MMAP_THRESHOLD, most) == 1 for most in (_KEPT_BYTES, _OLD_MOST_BYTES)),
    )
    if not all(kept):
        logger.info("malloc does not take its thresholds; freed memory goes back to the system")
    return all(kept)
