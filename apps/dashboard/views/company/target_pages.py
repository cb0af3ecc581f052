"""The employees of a request for many: one page at a time, with the effect of its decision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apps.campaigns.adjustments import approve, bulk_targets
from apps.campaigns.adjustments.bulk_targets import BulkTarget, BulkTargets
from apps.campaigns.models import AdjustmentRequest
from apps.dashboard.views.company.effect_pages import EffectPage, effect_page
from apps.dashboard.views.page_context import PageContext
from apps.reports import adjustment_effects
from apps.reports.adjustment_effects import StandingEffect

Effects = Mapping[int, StandingEffect]


@dataclass(frozen=True)
class TargetRow:
    """One employee of a request, the effect of its decision, and the address that requests the end for them."""

    person: BulkTarget
    effect: StandingEffect | None
    end_url: str


@dataclass(frozen=True)
class TargetPage(EffectPage):
    """The rows are TargetRow. `targets`: the whole list, and the excluded employees."""

    targets: BulkTargets

    @property
    def may_end(self) -> bool:
        return any(row.end_url for row in self.rows)


def target_page(
    scope: PageContext, targets: BulkTargets, name: str, *args: object, effects: Effects | None = None,
    end_url: Callable[[BulkTarget], str] = lambda target: "", **query: object,
) -> TargetPage:  # fmt: skip
    """One page of a list. `effects`: what the decision does to each standing, by which the reader can filter."""
    effects = effects or {}

    def red_change_of(target: BulkTarget) -> str:
        effect = effects.get(target.employee_id)
        return effect.red_change if effect else ""

    def address(**more: object) -> str:
        return scope.url(name, *args, **query, **more)

    page = effect_page(scope, targets.listed, red_change_of if effects else None, address, "adjustment")
    rows = [TargetRow(target, effects.get(target.employee_id), end_url(target)) for target in page.rows]
    return TargetPage(**{**vars(page), "rows": rows}, targets=targets)


def targets_of_request(scope: PageContext, adjustment: AdjustmentRequest, *, may_end: bool) -> TargetPage:
    """The employees of a bulk request: by current facts and with the effect while it waits, as granted afterwards."""
    rule, effects = adjustment.campaign.rule, None
    if adjustment.waiting:
        targets = approve.recheck(adjustment, rule, scope.now, scope.user.employee_id)
        effects = adjustment_effects.effects_of_grant(adjustment.campaign, targets.listed, scope.now)
    else:
        targets = bulk_targets.requested_targets(adjustment, rule)

    def end_url(target: BulkTarget) -> str:
        ended = target.until < scope.now or target.employee_id == scope.user.employee_id
        return "" if ended or not may_end else scope.url("adjustment", adjustment.pk, person=target.staff_no) + "#end"

    return target_page(scope, targets, "adjustment", adjustment.pk, effects=effects, end_url=end_url)


def targets_of_end(scope: PageContext, adjustment: AdjustmentRequest) -> TargetPage:
    """The employees whose adjustments a request ends: those it would end now while it waits, those it ended later."""
    targets, effects = approve.ending_targets(adjustment, scope.now, scope.user.employee_id), None
    if adjustment.waiting:
        listed = [target.employee_id for target in targets.listed]
        effects = adjustment_effects.effects_of_end(adjustment.campaign, adjustment.ends_id or 0, listed, scope.now)
    return target_page(scope, targets, "adjustment", adjustment.pk, effects=effects)
