"""What a request waiting for a second person would change, in words: a rule, a campaign, an erasure."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from apps.accounts.models import ApprovalRequest
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import changed
from apps.dashboard.labels import base, rules
from apps.privacy.erasure_approvals import asked_in, places_of
from apps.standings.campaign_approvals import terms_of

Kind = ApprovalRequest.Kind


@dataclass(frozen=True)
class Details:
    """`rows`: (label, value). `differences`: of a rule. `places`: (table, id) of texts that an erasure leaves."""

    title: str
    rows: list[tuple[base.Text, str]] = field(default_factory=list)
    differences: list[rules.Difference] = field(default_factory=list)
    text: str = ""
    places: list[tuple[str, object]] = field(default_factory=list)


def details_of(request: ApprovalRequest, *, decides: bool) -> Details | None:
    """The details of a request; the person to be erased only for a reader who `decides`."""
    if request.kind == Kind.ERASURE:
        return _erasure(request) if decides else None
    if "terms" not in request.payload:
        return None
    terms = terms_of(request.payload["terms"])
    if request.kind == Kind.RULE_CHANGE:
        campaign = Campaign.objects.get(slug=request.subject)
        seen = campaign.rules.get(version=request.payload["seen"])
        differences = rules.differences(changed(seen, terms.rule(campaign, seen.version + 1)))
        return Details(_("The change of the rule"), differences=differences)
    rule = terms.rule(Campaign(pk=0, name=request.label), 1)
    domains = (_("Domains of the company's own addresses"), ", ".join(rule.company_domains) or "–")
    return Details(_("The campaign"), [domains], text=rules.in_words(request.label, rule))


def _erasure(request: ApprovalRequest) -> Details | None:
    asked = asked_in(request)
    if asked is None:
        return None
    kinds: dict[str, base.Text] = {"phone": _("Phone"), "email": _("E-mail"), "handle": _("Handle")}
    rows: list[tuple[base.Text, str]] = [(kinds[identity.kind], identity.value) for identity in asked.identities]
    rows.append((_("How the request came, and how it was checked"), asked.reason))
    return Details(_("Who is to be erased"), rows, places=places_of(request))
