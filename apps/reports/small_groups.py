"""Small groups merged into "others" for readers who may not see single employees: a pure function."""

from __future__ import annotations

from collections.abc import Mapping

# The smallest group shown by itself to readers who may not see its members.
MIN_GROUP_SIZE = 5


def suppressed_groups(sizes: Mapping[str, int]) -> frozenset[str]:
    """Which of the groups, given with their headcounts, are shown as "others" and not by themselves.

    Every group under MIN_GROUP_SIZE is suppressed. While "others" is one group alone, or under MIN_GROUP_SIZE in total,
    the next smallest group joins it. So neither "others" nor the total minus the shown groups reveals one group or a
    handful of employees. A company with fewer than MIN_GROUP_SIZE people has no total to show.
    """
    ordered = sorted(sizes, key=lambda key: (sizes[key], key))
    count = sum(size < MIN_GROUP_SIZE for size in sizes.values())
    while 0 < count < len(ordered) and (count == 1 or sum(sizes[key] for key in ordered[:count]) < MIN_GROUP_SIZE):
        count += 1
    return frozenset(ordered[:count])
