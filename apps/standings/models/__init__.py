"""The tables of standings: the cached verdicts, their summaries, and the runs that evaluate everybody."""

from apps.standings.models.run import MarkRange, MarkRun
from apps.standings.models.standing import DailyCount, Standing, StandingChange
from apps.standings.models.summary import Rollup, RollupChange, RollupSum

__all__ = [
    "DailyCount",
    "MarkRange",
    "MarkRun",
    "Rollup",
    "RollupChange",
    "RollupSum",
    "Standing",
    "StandingChange",
]
