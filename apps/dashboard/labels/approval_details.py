"""What a request waiting for a second person would change, in words: a rule, a campaign, an erasure, an account."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from apps.accounts.models import Account, ApprovalRequest, Role
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import changed_columns
from apps.core.sentences import join_names
from apps.dashboard.labels import base, rules
from apps.privacy.erasure_approvals import remaining_mentions, requested_erasure
from apps.standings.campaign_approvals import draft_from

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
        # The requester has typed these data, but other HR users need not know whom the request names.
        return _erasure(request) if decides else None
    if request.kind in ApprovalRequest.ACCOUNT_KINDS:
        return _account(request)
    if "terms" not in request.payload:
        return None
    draft = draft_from(request.payload["terms"])
    if request.kind == Kind.RULE_CHANGE:
        campaign = Campaign.objects.get(slug=request.subject)
        seen = campaign.rules.get(version=request.payload["seen"])
        differences = rules.differences(changed_columns(seen, draft.rule(campaign, seen.version + 1)))
        return Details(_("The change of the rule"), differences=differences)
    # Not saved: only the texts of a rule that does not exist yet are needed.
    rule = draft.rule(Campaign(pk=0, name=request.label), 1)
    domains = (_("Company e-mail domains"), join_names(rule.company_domains) or "–")
    return Details(_("The campaign"), [domains], text=rules.in_words(request.label, rule))


def _account(request: ApprovalRequest) -> Details:
    account = Account.objects.select_related("employee").get(pk=request.payload["account"])
    held = Role.objects.filter(account=account).order_by("role")
    rows: list[tuple[base.Text, str]] = [
        (_("Person"), str(account.employee or account)),
        (_("E-mail"), account.roster_address or "–"),
        (_("Roles now"), join_names(str(role.get_role_display()) for role in held) or "–"),
    ]
    if role := request.payload.get("role"):
        rows.append((_("New role"), str(Role.Kind(role).label)))
    return Details(_("The account"), rows)


def _erasure(request: ApprovalRequest) -> Details | None:
    subject = requested_erasure(request)
    if subject is None:
        return None
    kinds: dict[str, base.Text] = {"phone": _("Phone"), "email": _("E-mail"), "handle": _("Handle")}
    rows: list[tuple[base.Text, str]] = [(kinds[identity.kind], identity.value) for identity in subject.identities]
    rows.append((_("How the request was received and verified"), subject.reason))
    return Details(_("Person to erase"), rows, places=remaining_mentions(request))
