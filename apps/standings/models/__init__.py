"""The tables of standings: the cached standings, their summaries, and the runs that evaluate all employees."""

from apps.standings.models.run import MarkRange, MarkRun
from apps.standings.models.standing import DailyCount, Standing, StandingChange
from apps.standings.models.summary import SummaryCell, SummaryDelta, SummaryState

__all__ = [
    "DailyCount",
    "MarkRange",
    "MarkRun",
    "Standing",
    "StandingChange",
    "SummaryCell",
    "SummaryDelta",
    "SummaryState",
]
