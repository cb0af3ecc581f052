"""Small groups folded into "others" where the reader may not see their people one by one: a pure function."""

from __future__ import annotations

from collections.abc import Mapping

# The smallest group that is shown by itself to somebody who may not see its members.
MIN_GROUP_SIZE = 5


def suppressed_groups(sizes: Mapping[str, int]) -> frozenset[str]:
    """Which of the groups, given with their number of people, are shown as "others" and not by themselves.

    Every group under FEWEST is. As long as they are one group alone, or under FEWEST together, the next smallest joins
    them: the others' numbers are never those of one group, nor of a handful, and neither is what is left of the total
    when all that is shown is taken away. Of a company with fewer than FEWEST people that leaves nothing: show no total.
    """
    ordered = sorted(sizes, key=lambda key: (sizes[key], key))
    count = sum(size < MIN_GROUP_SIZE for size in sizes.values())
    while 0 < count < len(ordered) and (count == 1 or sum(sizes[key] for key in ordered[:count]) < MIN_GROUP_SIZE):
        count += 1
    return frozenset(ordered[:count])
