"""`/contacts/`: the reader's own contacts, and what can be done to one. Nobody else's ever appear here."""

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.contacts import services
from apps.contacts.models import Contact, ContactIdentity
from apps.dashboard import words
from apps.dashboard.forms import IDENTITY_FIELDS, CorrectForm, MarkedForm, QuickAddForm, RenameForm
from apps.dashboard.views.me import counts_by_reason, own_contacts
from apps.dashboard.views.scope import Scope, render
from apps.quotas import services as quotas

PAGE = 50
# What the chips filter by: a reason, or one of these words.
COUNTING, NOT_COUNTING = "counts", "not_counting"


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The list: search, one filter, 50 a page by keyset, so that page 1,000 costs what page 1 does."""
    return listing(Scope(request), QuickAddForm())


def listing(scope: Scope, form: QuickAddForm, status: int = 200) -> HttpResponse:
    asked = scope.request.GET
    query, chosen = asked.get("q", "").strip().replace("\0", ""), asked.get("reason", "")
    found = _filtered(own_contacts(scope), chosen)
    if query:
        found = _searched(found, query)
    rows = list(_after(found, asked.get("after", ""))[: PAGE + 1])
    more = rows[PAGE - 1] if len(rows) > PAGE else None
    counts = counts_by_reason(scope)
    context = {
        "rows": rows[:PAGE],
        "next": scope.url("contacts", q=query, reason=chosen, after=_token(more)) if more else "",
        "first": scope.url("contacts", q=query, reason=chosen) if asked.get("after") else "",
        "q": query,
        "chosen": chosen,
        "chips": _chips(scope, counts, chosen, query),
        "total": sum(counts.values()),
        "form": form,
    }
    return render(scope, "dashboard/contacts.html", context, status=status)


def _filtered(found: QuerySet[Any], chosen: str) -> QuerySet[Any]:
    if chosen == COUNTING:
        return found.filter(reason="")
    if chosen == NOT_COUNTING:
        return found.exclude(reason__in=["", "ended"])
    return found.filter(reason=chosen) if chosen in words.REASONS else found


def _searched(found: QuerySet[Any], query: str) -> QuerySet[Any]:
    """Name or identity contains the text; a phone number also without its spaces and dashes."""
    match = Q(value__icontains=query)
    digits = "".join(sign for sign in query if sign.isdigit())
    if len(digits) >= 3:
        match |= Q(kind="phone", value__contains=digits)
    identities = ContactIdentity.objects.filter(match, employee=OuterRef("employee"), contact=OuterRef("pk"))
    return found.filter(Q(name__icontains=query) | Exists(identities))


def _chips(scope: Scope, counts: dict[str, int], chosen: str, query: str) -> list[dict[str, Any]]:
    """One chip per filter that finds something, and the chosen one in any case."""
    live = sum(count for reason, count in counts.items() if reason not in ("", "ended"))
    offers: list[tuple[str, words.Text, int]] = [
        ("", _("All"), sum(counts.values())),
        (COUNTING, _("Counting"), counts.get("", 0)),
        (NOT_COUNTING, _("Not counting"), live),
        *((code, reason.label, counts.get(code, 0)) for code, reason in words.REASONS.items()),
    ]
    return [
        {"label": label, "count": count, "here": code == chosen, "url": scope.url("contacts", reason=code, q=query)}
        for code, label, count in offers
        if count or code in ("", chosen)
    ]


def _token(contact: Contact) -> str:
    """Where the next page begins, opaque to the reader: after this contact, in the list's order."""
    place = json.dumps([contact.recorded_at.isoformat(), contact.pk])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _after(found: QuerySet[Any], token: str) -> QuerySet[Any]:
    """The rows behind a token; a token nobody issued is a page that does not exist."""
    if not token:
        return found
    try:
        moment, identifier = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        recorded_at, identifier = datetime.fromisoformat(moment), int(identifier)
        if recorded_at.tzinfo is None:
            raise ValueError("no zone")
    except (ValueError, TypeError, binascii.Error) as unreadable:
        raise Http404("There is no such page") from unreadable
    return found.filter(Q(recorded_at__lt=recorded_at) | Q(recorded_at=recorded_at, pk__lt=identifier))


def _own(scope: Scope, contact_id: int) -> Contact:
    """The reader's contact with its reason; anybody else's answers as one that does not exist."""
    contact = own_contacts(scope).filter(pk=contact_id).first()
    if contact is None:
        raise Http404("There is no such contact")
    return contact


@require_safe
def contact(request: HttpRequest, contact_id: int) -> HttpResponse:
    """One contact: everything known, what would make it count, and the three things that can be done."""
    scope = Scope(request)
    return _show(scope, _own(scope, contact_id))


def _show(scope: Scope, found: Contact, status: int = 200, **forms: MarkedForm) -> HttpResponse:
    known = {identity.kind: identity.value for identity in found.identities.all()}
    context = {
        "contact": found,
        "rename": forms.get("rename") or RenameForm(initial={"name": found.name or ""}),
        "correct": forms.get("correct")
        or CorrectForm(initial={kind: known.get(kind) or "" for kind in IDENTITY_FIELDS}),
    }
    return render(scope, "dashboard/contact.html", context, status=status)


@require_POST
def rename(request: HttpRequest, contact_id: int) -> HttpResponse:
    scope = Scope(request)
    found, form = _own(scope, contact_id), RenameForm(request.POST)
    if form.is_valid():
        try:
            services.rename_contact(
                contact_id=found.pk, employee=scope.the_employee, name=form.cleaned_data["name"], by=scope.user.actor
            )
        except services.ContactRefused as refused:
            form.refuse(refused.field or "name", refused.message)
        else:
            messages.success(request, _("The name is changed."))
            return redirect(scope.url("contact", found.pk))
    return _show(scope, found, 422, rename=form.described())


@require_POST
def correct(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Another identity is another contact: the old one ends as corrected, the new one is recorded now."""
    scope = Scope(request)
    found, form = _own(scope, contact_id), CorrectForm(request.POST)
    if form.is_valid():
        try:
            fresh = services.correct_contact(
                contact_id=found.pk, employee=scope.the_employee, identities=form.identities(), by=scope.user.actor
            )
        except services.ContactRefused as refused:
            form.refuse(refused.field or "phone", refused.message)
        else:
            quotas.ring()
            messages.success(request, _("Corrected. The new entry is recorded from now on."))
            return redirect(scope.url("contact", fresh))
    return _show(scope, found, 422, correct=form.described())


@require_POST
def end(request: HttpRequest, contact_id: int) -> HttpResponse:
    """End a contact at once; the message that says so takes it back."""
    scope = Scope(request)
    found = _own(scope, contact_id)
    try:
        services.end_contact(contact_id=found.pk, employee=scope.the_employee, by=scope.user.actor)
    except services.ContactRefused as refused:
        messages.warning(request, refused.message)
    else:
        quotas.ring()
        text = _("%(name)s is ended.") % {"name": found.name} if found.name else _("The contact is ended.")
        messages.info(request, text, extra_tags=f"undo-{found.pk}")
    return redirect(scope.url("contacts"))


@require_POST
def restore(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Take an end back, while the campaign still allows it."""
    scope = Scope(request)
    found = _own(scope, contact_id)
    try:
        quotas.restore_while_open(contact_id=found.pk, employee=scope.the_employee, by=scope.user.actor)
    except services.ContactRefused as refused:
        messages.warning(request, refused.message)
    else:
        quotas.ring()
        messages.success(
            request, _("%(name)s is back.") % {"name": found.name} if found.name else _("The contact is back.")
        )
    return redirect(scope.url("contacts"))
