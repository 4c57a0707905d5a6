"""Do more runs diverge than at the baseline? Fisher's exact test of the counts of both sides.

Fisher 1935, Journal of the Royal Statistical Society 98. One-sided: that fewer do is no failure.
"""

from __future__ import annotations

import math


def more_lost(ours: int, num_ours: int, theirs: int, num_theirs: int) -> float:
    """Return the p-value that a side loses no more of its runs than the other.

    Args:
        ours: Runs that were lost.
        num_ours: Runs in all.
        theirs: The same of the other side.
        num_theirs: The same of the other side.
    """
    lost = ours + theirs
    ways = sum(
        math.comb(num_ours, i) * math.comb(num_theirs, lost - i)
        for i in range(ours, min(num_ours, lost) + 1)
    )
    return ways / math.comb(num_ours + num_theirs, lost)
