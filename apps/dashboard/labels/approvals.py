"""Labels for requests that wait for a second person: their kinds, effects and states.

Another kind of change adds a line to `KINDS`, and a line to `EFFECTS` for every name its effect can have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from apps.accounts.models import ApprovalRequest
from apps.dashboard.labels import base

Kind, Decision = ApprovalRequest.Kind, ApprovalRequest.Decision


@dataclass(frozen=True)
class KindLabel:
    """The name of a kind of change. `page`: the address and arguments of its subject's page, if any."""

    title: base.Text
    icon: str
    page: Callable[[ApprovalRequest], tuple[str, tuple[Any, ...]]] | None = None


def _roster_load(request: ApprovalRequest) -> tuple[str, tuple[Any, ...]]:
    return "roster-load", (request.subject,)


def _campaign(request: ApprovalRequest) -> tuple[str, tuple[Any, ...]]:
    return "campaign", (request.subject,)


KINDS: dict[str, KindLabel] = {
    Kind.EMAIL_CHANGE: KindLabel(_("New e-mail addresses"), "at-sign", _roster_load),
    Kind.ROSTER_LOAD: KindLabel(_("Roster load"), "list-tree", _roster_load),
    Kind.ROSTER_UNDO: KindLabel(_("Undo of a roster load"), "undo-2", _roster_load),
    Kind.RULE_CHANGE: KindLabel(_("Change of a campaign's rule"), "flag", _campaign),
    Kind.CAMPAIGN_OPENING: KindLabel(_("Opening of a campaign"), "flag"),
    Kind.CAMPAIGN_CANCELLATION: KindLabel(_("Cancellation of a campaign"), "flag", _campaign),
    Kind.CAMPAIGN_CLOSING: KindLabel(_("Closing of a campaign"), "flag", _campaign),
    Kind.ERASURE: KindLabel(_("Erasure"), "eraser"),
    Kind.ROLE_GRANT: KindLabel(_("Role for an account"), "shield-check"),
    Kind.FACTOR_RESET: KindLabel(_("Removal of second factors"), "shield-alert"),
    Kind.SIGN_ON_UNBINDING: KindLabel(_("Unlinking from single sign-on"), "plug"),
}
# By the name in an effect: a sentence about `count` people, chosen by `number`. In display order.
EFFECTS: dict[str, Any] = {
    # Roster imports, their undo, and new addresses.
    "leaving": ngettext_lazy("%(count)s employed person leaves", "%(count)s employed people leave", "number"),
    "moving": ngettext_lazy(
        "%(count)s person gets another direct or indirect manager or another department",
        "%(count)s people get another direct or indirect manager or another department",
        "number",
    ),
    "joining": ngettext_lazy("%(count)s person joins", "%(count)s people join", "number"),
    "returning": ngettext_lazy(
        "%(count)s person is employed again", "%(count)s people are employed again", "number"
    ),
    "future_colleagues": ngettext_lazy(
        "%(count)s future employee gets a phone or an external address. A contact with it stops counting on "
        "the employee's first day",
        "%(count)s future employees get phones or external addresses. Contacts with them stop counting on the "
        "employees' first day",
        "number",
    ),
    "renaming": ngettext_lazy(
        "%(count)s person gets another name", "%(count)s people get another name", "number"
    ),
    "phones": ngettext_lazy(
        "%(count)s person gets another phone or address", "%(count)s people get another phone or address", "number"
    ),
    "time_zones": ngettext_lazy(
        "%(count)s person gets another time zone", "%(count)s people get another time zone", "number"
    ),
    "chat_ids": ngettext_lazy(
        "%(count)s person gets reminders in another chat account",
        "%(count)s people get reminders in other chat accounts",
        "number",
    ),
    "role_changes": ngettext_lazy(
        "The name or employment of %(count)s person who holds a role or made this request changes",
        "The names or employment of %(count)s people who hold a role or made this request change",
        "number",
    ),
    "used_numbers": ngettext_lazy(
        "%(count)s person with contacts or an account in use no longer has any employment",
        "%(count)s people with contacts or accounts in use no longer have any employment",
        "number",
    ),
    "handle_numbers": ngettext_lazy(
        "%(count)s new staff number has a format that no other has. An outsider with the same handle can no "
        "longer be recorded",
        "%(count)s new staff numbers have formats that no others have. Outsiders with the same handles can no "
        "longer be recorded",
        "number",
    ),
    "addresses": ngettext_lazy(
        "%(count)s person gets another e-mail address", "%(count)s people get another e-mail address", "number"
    ),
    "shared_addresses": ngettext_lazy(
        "%(count)s returning employee keeps an e-mail address that another employee now has",
        "%(count)s returning employees keep an e-mail address that another employee now has",
        "number",
    ),
    "role_holders": ngettext_lazy(
        "%(count)s of them holds a role (HR, operator or auditor)",
        "%(count)s of them hold a role (HR, operator or auditor)",
        "number",
    ),
    "counts": ngettext_lazy(
        "The count of %(count)s person changes, because a contact becomes or stops being a colleague",
        "The counts of %(count)s people change, because a contact becomes or stops being a colleague",
        "number",
    ),
    "targets": ngettext_lazy(
        "The target of %(count)s person changes because the first day of work changes",
        "The targets of %(count)s people change because their first days of work change",
        "number",
    ),
    "joiners_and_leavers": ngettext_lazy(
        "%(count)s person joins or leaves a campaign with pro-rata targets, and one account alone loaded both the "
        "leavers and the joiners. Check that no joiner is a leaver with a new staff number",
        "%(count)s people join or leave a campaign with pro-rata targets, and one account alone loaded both the "
        "leavers and the joiners. Check that no joiner is a leaver with a new staff number",
        "number",
    ),
    "in_campaign": ngettext_lazy(
        "%(count)s person gets a department that brings this person into a campaign or takes this person out of it",
        "%(count)s people get departments that bring them into a campaign or take them out of it",
        "number",
    ),
    "in_result": ngettext_lazy(
        "An employment takes %(count)s person out of a campaign at its deadline, or brings this person into it",
        "Employments take %(count)s people out of a campaign at its deadline, or bring them into it",
        "number",
    ),
    # Campaigns: their rules, opening, cancelling and closing.
    "people": ngettext_lazy("%(count)s person is in the campaign", "%(count)s people are in the campaign", "number"),
    "with_contacts": ngettext_lazy(
        "%(count)s person, employed or not, has contacts in its period",
        "%(count)s people, employed or not, have contacts in its period",
        "number",
    ),
    "red": ngettext_lazy("%(count)s person is red", "%(count)s people are red", "number"),
    "turn_red": ngettext_lazy("%(count)s person turns red", "%(count)s people turn red", "number"),
    "turn_not_red": ngettext_lazy(
        "%(count)s person is no longer red", "%(count)s people are no longer red", "number"
    ),
    "come_in": ngettext_lazy(
        "%(count)s person enters the campaign", "%(count)s people enter the campaign", "number"
    ),
    "go_out": ngettext_lazy("%(count)s person leaves the campaign", "%(count)s people leave the campaign", "number"),
    "recounted": ngettext_lazy(
        "The count of %(count)s person changes", "The counts of %(count)s people change", "number"
    ),
    "need_more": ngettext_lazy("%(count)s person needs more contacts", "%(count)s people need more contacts", "number"),
    "have_less_time": ngettext_lazy(
        "%(count)s person below target has less time", "%(count)s people below target have less time",
        "number",
    ),
    "have_more_time": ngettext_lazy(
        "%(count)s person below target has more time", "%(count)s people below target have more time",
        "number",
    ),
    # Erasures.
    "employees": ngettext_lazy(
        "%(count)s employee has this person as a contact", "%(count)s employees have this person as a contact",
        "number",
    ),
    "contacts": ngettext_lazy("%(count)s contact is erased", "%(count)s contacts are erased", "number"),
    "texts": ngettext_lazy(
        "%(count)s other text or name is cleared", "%(count)s other texts or names are cleared", "number"
    ),
    "kept_texts": ngettext_lazy(
        "%(count)s text that mentions this person cannot be changed",
        "%(count)s texts that mention this person cannot be changed",
        "number",
    ),
    # Changes of an account.
    "becomes_hr": ngettext_lazy(
        "%(count)s person gets the role HR and is signed out everywhere",
        "%(count)s people get the role HR and are signed out everywhere",
        "number",
    ),
    "becomes_operator": ngettext_lazy(
        "%(count)s person gets the role operator and is signed out everywhere",
        "%(count)s people get the role operator and are signed out everywhere",
        "number",
    ),
    "becomes_auditor": ngettext_lazy(
        "%(count)s person gets the role auditor and is signed out everywhere",
        "%(count)s people get the role auditor and are signed out everywhere",
        "number",
    ),
    "factors_removed": ngettext_lazy(
        "%(count)s person loses all second factors, is signed out everywhere and needs a code to add a new one",
        "%(count)s people lose all second factors, are signed out everywhere and need a code to add a new one",
        "number",
    ),
    "unlinked": ngettext_lazy(
        "%(count)s account is unlinked from the company's provider. The person's next sign-in there links it again",
        "%(count)s accounts are unlinked from the company's provider. The next sign-in there links them again",
        "number",
    ),
}  # fmt: skip
_STATES: dict[str, tuple[base.Text, str, str]] = {
    "waiting": (_("waiting"), "amber", "hourglass"),
    "expired": (_("expired"), "", "clock-alert"),
    Decision.APPROVED: (_("approved"), "green", "check"),
    Decision.REFUSED: (_("refused"), "", "x"),
    Decision.WITHDRAWN: (_("withdrawn"), "", "undo-2"),
    Decision.SUPERSEDED: (_("superseded"), "", "minus"),
}


def state_of(request: ApprovalRequest, now: Any) -> base.Badge:
    """Waiting until it is decided or expires."""
    code = request.decision or ("waiting" if request.expires_at > now else "expired")
    return base.Badge(code, *_STATES[code])


def kind_of(request: ApprovalRequest) -> KindLabel:
    return KINDS[request.kind]


def counted_before(request: ApprovalRequest, *, own: bool) -> dict[str, int]:
    """The counts at the approval, or else at the request; none for an erasure.

    `own`: the requester sees the counts of the request, also after the approval. The counts that the second person saw
    could reveal whose contact a person is.
    """
    if request.kind == Kind.ERASURE:
        return {}
    return request.effect if own else request.decided_effect or request.effect


def effect_lines(effect: dict[str, int]) -> list[str]:
    """The sentences of an effect, in the order of EFFECTS; zero counts are left out."""
    # A stored effect may have names of a later or earlier version: they come last, as they are.
    ordered = sorted(effect, key=lambda name: list(EFFECTS).index(name) if name in EFFECTS else len(EFFECTS))
    return [_line(name, effect[name]) for name in ordered if effect[name]]


def _line(name: str, number: int) -> str:
    if name not in EFFECTS:
        return f"{name}: {base.number(number)}"
    return str(EFFECTS[name] % {"number": number, "count": base.number(number)})
