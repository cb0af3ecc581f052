"""`/contacts/add/`: one contact from the short form that stands on `/` and on the list."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.contacts import services as contacts
from apps.contacts.models import Contact
from apps.contacts.rules import draft_from_text
from apps.dashboard import words
from apps.dashboard.forms import QuickAddForm
from apps.dashboard.views.contacts import listing
from apps.dashboard.views.me import lists, own_contacts, page
from apps.dashboard.views.scope import Scope, fragment
from apps.quotas import services


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Record one contact from the form. The same form sent twice records once; a refused one comes back filled."""
    scope = Scope(request)
    form = QuickAddForm(request.POST)
    said = _record(scope, form) if form.is_valid() else None
    htmx, from_list = getattr(request, "htmx", False), request.GET.get("next") == "contacts"
    if said is None:
        if htmx:
            return fragment(scope, "dashboard/_quick_add.html", {"form": form.described()}, status=422)
        show = listing if from_list else page
        return show(scope, form.described(), status=422)
    level, text = said
    if not htmx:
        messages.add_message(request, level, text)
        return redirect(scope.url("contacts") if from_list else scope.url("me", added=1))
    # The request's own now lies before the recording, and a look sees only what came before it.
    around = lists(scope, services.clock())
    context = {"form": QuickAddForm(), "said": text, "level": messages.DEFAULT_TAGS[level], **around}
    response = fragment(scope, "dashboard/_added.html", context)
    response["HX-Trigger"] = "recorded"
    return response


def _record(scope: Scope, form: QuickAddForm) -> tuple[int, str] | None:
    """What to say after recording, with its level; None when it was refused (the form then says why)."""
    try:
        draft = draft_from_text(form.cleaned_data["name"], form.cleaned_data["reach"])
        report = contacts.submit(
            employee=scope.the_employee,
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
    existing = Contact.objects.of(scope.the_employee).filter(pk=outcome.existing_contact_id).first()
    if existing is None:
        return outcome.message
    day = words.short_date(existing.recorded_at.astimezone(scope.zone).date())
    if existing.name:
        return _("You have this person already: %(name)s, recorded on %(day)s.") % {"name": existing.name, "day": day}
    return _("You have this person already, recorded on %(day)s.") % {"day": day}


def _recorded(scope: Scope, contact_id: int | None) -> tuple[int, str]:
    """Recorded, and whether it counts as the facts stand now."""
    contact = own_contacts(scope, services.clock()).filter(pk=contact_id).first()
    reason = contact.reason if contact else ""
    if reason and reason in words.REASONS:
        known = words.REASONS[reason]
        return messages.WARNING, _("Recorded. It does not count yet: %(reason)s. %(cure)s") % {
            "reason": known.label,
            "cure": known.cure,
        }
    name = contact.name if contact and contact.name else ""
    return messages.SUCCESS, _("%(name)s is recorded.") % {"name": name} if name else _("Recorded.")
