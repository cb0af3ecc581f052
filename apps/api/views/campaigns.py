"""`campaigns/`: the campaigns, with population and dates."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Scope
from apps.api import paging
from apps.api.openapi import example, problems
from apps.api.problems import NotFoundProblem
from apps.api.serializers.base import PageQuery
from apps.api.serializers.campaigns import CampaignPageSerializer, CampaignSerializer
from apps.api.views.base import ApiView
from apps.campaigns.models import Campaign, CampaignRule

# Drafts and cancelled campaigns are for HR alone, on its pages.
OPENED_STATES = [Campaign.State.OPEN, Campaign.State.CLOSING, Campaign.State.FROZEN]
NOVEMBER = {
    "slug": "november-2026", "name": "November 2026", "state": "open", "rule_version": 1, "target": 100,
    "time_zone": "Asia/Shanghai", "opens_on": "2026-11-01", "deadline": "2026-11-30",
    "opens_at": "2026-10-31T16:00:00Z", "cutoff_at": "2026-11-30T16:00:00Z", "exclusive": False,
    "confirmed_only": False, "company_domains": ["corp.example.com"], "departments": [],
    "prorate_joiners": False,
}  # fmt: skip


def rules_in_force() -> QuerySet[CampaignRule]:
    """The newest rule of every campaign that has been opened, with its campaign, by short name."""
    newest = CampaignRule.objects.filter(campaign=OuterRef("campaign")).order_by("-version").values("pk")[:1]
    rules = CampaignRule.objects.filter(campaign__state__in=OPENED_STATES, pk=Subquery(newest))
    return rules.select_related("campaign").order_by("campaign__slug")


class CampaignList(ApiView):
    scope = Scope.REPORTS
    query_class = PageQuery

    @extend_schema(
        operation_id="campaigns_list",
        tags=["campaigns"],
        summary=_("Campaigns"),
        description=_("All campaigns that have been opened, sorted by short name. Scope `reports:read`."),
        parameters=[PageQuery],
        responses={200: CampaignPageSerializer, **problems()},
        examples=[example("campaigns", {"results": [NOVEMBER], "next": None})],
    )
    def get(self, request: Request) -> Response:
        page = paging.page_of(request, rules_in_force(), "campaign__slug", listing="campaigns", query=self.query)
        return Response(CampaignPageSerializer(page).data)


class CampaignDetail(ApiView):
    scope = Scope.REPORTS

    @extend_schema(
        operation_id="campaigns_retrieve",
        tags=["campaigns"],
        summary=_("One campaign"),
        description=_("One campaign with the rule in force, by its short name. Scope `reports:read`."),
        responses={200: CampaignSerializer, **problems(404)},
        examples=[example("campaign", NOVEMBER)],
    )
    def get(self, request: Request, slug: str) -> Response:
        rules = rules_in_force().filter(campaign__slug=slug).first()
        if rules is None:
            raise NotFoundProblem
        return Response(CampaignSerializer(rules).data)
