"""The standings that a correction changes: before, after, and who turns red or not; one page at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.campaigns import rules
from apps.dashboard.views.company.effect_pages import EffectPage, effect_page
from apps.dashboard.views.page_context import PageContext
from apps.reports.adjustment_effects import red_change
from apps.results.models import FrozenResult, FrozenStanding

# The new standing of an employee: counted, target, exempt.
NewStanding = Sequence[Any]


@dataclass(frozen=True)
class CorrectedStanding:
    before: FrozenStanding
    counted: int
    target: int
    exempt: bool

    @property
    def employee_id(self) -> int:
        return self.before.employee_id

    @property
    def is_red(self) -> bool:
        return rules.is_red(self.counted, self.target, self.exempt)

    @property
    def red_change(self) -> str:
        return red_change(self.before.red, self.is_red)


def correction_page(
    scope: PageContext, result: FrozenResult | None, new: Mapping[int, NewStanding], address: Callable[..., str]
) -> EffectPage:
    """One page of the standings of `result` with their `new` ones; `address(**query)` is that of the page."""
    corrected: list[CorrectedStanding] = []
    if result:
        standings = FrozenStanding.objects.filter(campaign=result.campaign_id, version=result.version)
        standings = standings.filter(employee__in=list(new)).order_by("staff_no")
        corrected = [CorrectedStanding(standing, *new[standing.employee_id]) for standing in standings]
    return effect_page(scope, corrected, lambda row: row.red_change, address, "standing")
