"""`/`: the reader's own standing, the form that adds one contact, and the part that follows the number."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect
from django.utils.cache import add_never_cache_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.contacts import services as contacts
from apps.contacts.models import Contact
from apps.contacts.rules import draft_from_text
from apps.dashboard import words
from apps.dashboard.forms import QuickAddForm
from apps.dashboard.views.cards import Card, card_of, period_of
from apps.dashboard.views.pictures.curves import own_curve
from apps.dashboard.views.scope import Scope, fragment, render
from apps.quotas import reports, services

LATEST = 5


@dataclass(frozen=True)
class Own:
    """The reader's numbers: the verdict's row, its curve, and how many live contacts have which reason."""

    standings: Any
    row: Any
    days: list[Any]
    by_reason: dict[str, int]

    @property
    def not_counting(self) -> int:
        """Live contacts that do not count: the ones that can still be mended."""
        return sum(count for reason, count in self.by_reason.items() if reason not in ("", "ended"))


def own_contacts(scope: Scope, at: datetime | None = None) -> QuerySet[Contact]:
    """The reader's contacts, each with its reason at `at` (default: the request's now), newest first."""
    found = reports.contacts_with_reason(scope.campaign, scope.employee, at or scope.now)
    return found.order_by("-recorded_at", "-id")


def counts_by_reason(scope: Scope) -> dict[str, int]:
    found = own_contacts(scope).order_by().values("reason").annotate(count=Count("id"))
    return {line["reason"]: line["count"] for line in found}


def own_numbers(scope: Scope) -> Own | None:
    """None when there is no campaign, or the reader is not in its population."""
    if scope.campaign is None or scope.employee is None:
        return None
    standings = reports.Standings(scope.campaign, reports.Only(scope.employee))
    row = standings.one(scope.employee.pk)
    if row is None:
        return None
    return Own(standings, row, standings.curve(), counts_by_reason(scope))


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    """The first screen: how many, how many left, how long left, red or not, what next."""
    scope = Scope(request)
    if scope.employee is None:
        return render(scope, "dashboard/nobody.html")
    return _page(scope, QuickAddForm(), hurry="added" in request.GET)


def _page(scope: Scope, form: QuickAddForm, *, hurry: bool = False, status: int = 200) -> HttpResponse:
    own = own_numbers(scope)
    context: dict[str, Any] = {"form": form, "hurry": hurry, **_lists(scope)}
    if own:
        card = card_of(scope, own.row, own.days)
        context |= {"card": card, "own": own, "etag": _etag(scope, own, card)}
        context["picture"] = own_curve(scope, card, own.days)
    elif scope.campaign:
        context["period"] = period_of(scope)
    return render(scope, "dashboard/me.html", context, status=status)


def _lists(scope: Scope) -> dict[str, Any]:
    """The newest contacts, and the newest of those that do not count though they live."""
    found = own_contacts(scope)
    return {"latest": found[:LATEST], "mendable": found.exclude(reason__in=["", "ended"])[:LATEST]}


@require_safe
def standing(request: HttpRequest) -> HttpResponse:
    """The number alone, for the page that follows it: 304 while nothing moved (decision 42)."""
    scope = Scope(request)
    own = own_numbers(scope)
    if own is None:
        raise Http404("There is no standing")
    card = card_of(scope, own.row, own.days)
    etag = _etag(scope, own, card)
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
        add_never_cache_headers(response)
    else:
        response = fragment(scope, "dashboard/_standing.html", {"card": card, "own": own, "etag": etag})
    response["ETag"] = etag
    response["X-As-Of"] = scope.now.astimezone(scope.zone).strftime("%H:%M")
    return response


def _etag(scope: Scope, own: Own, card: Card) -> str:
    """Everything the number's card shows but the time of the look."""
    row = own.row
    shown = (
        *(row.counted, row.target, row.red, row.exempt, row.stale, row.pace, card.gap, card.needed),
        *(card.period.days_left, card.last_week, own.not_counting, scope.rule.version, get_language()),
    )
    return f'"{hashlib.sha256(repr(shown).encode()).hexdigest()[:24]}"'


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Record one contact from the form. The same form sent twice records once; a refused one comes back filled."""
    scope = Scope(request)
    if scope.employee is None:
        raise Http404("Only employees record contacts")
    form = QuickAddForm(request.POST)
    said = _record(scope, form) if form.is_valid() else None
    htmx = getattr(request, "htmx", False)
    if said is None:
        return _refused(scope, form, htmx)
    level, text = said
    if not htmx:
        messages.add_message(request, level, text)
        return redirect(scope.url("me", added=1))
    context = {"form": QuickAddForm(), "said": text, "level": messages.DEFAULT_TAGS[level], **_lists(scope)}
    response = fragment(scope, "dashboard/_added.html", context)
    response["HX-Trigger"] = "recorded"
    return response


def _record(scope: Scope, form: QuickAddForm) -> tuple[int, str] | None:
    """What to say after recording, with its level; None when it was refused (the form then says why)."""
    try:
        draft = draft_from_text(form.cleaned_data["name"], form.cleaned_data["reach"])
        report = contacts.submit(
            employee=scope.employee,
            drafts=[draft],
            source="page",
            by=scope.user.actor,
            key=f"page-{form.cleaned_data['key']}",
        )
    except contacts.ContactRefused as refused:
        form.refuse("reach", refused.message)
        return None
    outcome = report.outcomes[0]
    if outcome.code != "created":
        form.refuse("reach", _duplicate(scope, outcome) if outcome.code == "duplicate" else outcome.message)
        return None
    services.ring()
    return _recorded(scope, outcome.contact_id)


def _duplicate(scope: Scope, outcome: Any) -> str:
    existing = Contact.objects.of(scope.employee).filter(pk=outcome.existing_contact_id).first()
    if existing is None:
        return outcome.message
    day = words.short_date(existing.recorded_at.astimezone(scope.zone).date())
    if existing.name:
        return _("You have this person already: %(name)s, recorded on %(day)s.") % {"name": existing.name, "day": day}
    return _("You have this person already, recorded on %(day)s.") % {"day": day}


def _recorded(scope: Scope, contact_id: int) -> tuple[int, str]:
    """Recorded, and whether it counts as the facts stand now."""
    contact = own_contacts(scope, services.clock()).filter(pk=contact_id).first()
    reason = contact.reason if contact else ""  # type: ignore[attr-defined]  # annotated by the report
    if reason and reason in words.REASONS:
        known = words.REASONS[reason]
        return messages.WARNING, _("Recorded. It does not count yet: %(reason)s. %(cure)s") % {
            "reason": known.label,
            "cure": known.cure,
        }
    name = contact.name if contact and contact.name else ""
    return messages.SUCCESS, _("%(name)s is recorded.") % {"name": name} if name else _("Recorded.")


def _refused(scope: Scope, form: QuickAddForm, htmx: Any) -> HttpResponse:
    if htmx:
        return fragment(scope, "dashboard/_quick_add.html", {"form": form.described()}, status=422)
    return _page(scope, form.described(), status=422)
