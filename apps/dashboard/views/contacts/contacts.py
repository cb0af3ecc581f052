"""`/contacts/`: the reader's own contacts and the actions on one. Contacts of others never appear here."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.campaigns import selectors
from apps.contacts.models import Contact
from apps.contacts.services import changes
from apps.core.errors import Refused
from apps.dashboard.forms.base import IDENTITY_FIELDS, CorrectForm, QuickAddForm, RefusableForm, RenameForm
from apps.dashboard.labels import base
from apps.dashboard.views.contacts.contact_filters import filters_from_form, filters_from_url
from apps.dashboard.views.contacts.contact_list import (
    MAX_RECORDED_AGAIN,
    chips_context,
    list_context,
    list_url,
    outside_period,
)
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.page_sizes import remember_size
from apps.dashboard.views.standing.my_standing import own_contacts, own_result
from apps.privacy import retention
from apps.reviews import services


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The list: search, filters, sorting, and keyset pagination, so that page 1,000 costs what page 1 does."""
    return contacts_page(PageContext(request), QuickAddForm())


@require_POST
def search(request: HttpRequest) -> HttpResponse:
    """Redirect to the filtered list; the search text is encrypted in its address."""
    scope = PageContext(request)
    return redirect(list_url(scope, filters_from_form(scope)))


def contacts_page(scope: PageContext, form: QuickAddForm, status: int = 200) -> HttpResponse:
    can_request_review = scope.campaign is not None and services.can_request_review(scope.campaign, scope.now)
    until = retention.contacts_retained_until(scope.campaign) if scope.campaign else None
    context = {
        "form": form,
        "can_request_review": can_request_review,
        "own_result": own_result(scope),
        "retained_until": until.astimezone(scope.zone).date() if until else None,
        **list_context(scope, filters_from_url(scope)),
    }
    return remember_size(scope, render(scope, "contacts/contacts.html", context, status=status))


def _own(scope: PageContext, contact_id: int) -> Contact:
    """The reader's contact with its reason; 404 for a contact of another employee."""
    return get_object_or_404(own_contacts(scope), pk=contact_id)


def _reader(scope: PageContext) -> dict[str, Any]:
    """The reader as the owner of a contact and as the actor of its change."""
    return {"employee": scope.required_employee, "by": scope.user.actor}


@require_safe
def contact(request: HttpRequest, contact_id: int) -> HttpResponse:
    scope = PageContext(request)
    return _show(scope, _own(scope, contact_id))


def _in_the_form(contact: Contact) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The first identity of each kind, which the form of a correction shows, and all others as (kind, value).

    A file may bring several phones of one person; a correction keeps those that the form does not show.
    """
    shown: dict[str, str] = {}
    others = []
    for identity in sorted(contact.identities.all(), key=lambda identity: identity.pk):
        if identity.kind in shown and identity.value:
            others.append((identity.kind, identity.value))
        else:
            shown.setdefault(identity.kind, identity.value or "")
    return shown, others


def _show(scope: PageContext, contact: Contact, status: int = 200, **forms: RefusableForm) -> HttpResponse:
    identities, others = _in_the_form(contact)
    context = {
        "contact": contact,
        "others": others,
        "rename": forms.get("rename") or RenameForm(initial={"name": contact.name or ""}),
        "correct": forms.get("correct")
        or CorrectForm(initial={kind: identities.get(kind) or "" for kind in IDENTITY_FIELDS}),
    }
    return render(scope, "contacts/contact.html", context, status=status)


@require_POST
def rename(request: HttpRequest, contact_id: int) -> HttpResponse:
    scope = PageContext(request)
    own_contact, form = _own(scope, contact_id), RenameForm(request.POST)
    if form.is_valid():
        with form.showing_refusals("name"):
            changes.rename_contact(contact_id=own_contact.pk, name=form.cleaned_data["name"], **_reader(scope))
            if (own_contact.name or "") == form.cleaned_data["name"]:
                messages.info(request, _("Nothing has changed: the name is the same as before."))
            else:
                messages.success(request, _("The name is changed."))
            return redirect(scope.url("contact", own_contact.pk))
    return _show(scope, own_contact, 422, rename=form)


@require_POST
def correct(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Another identity is another contact: the old one ends as corrected, the new one is recorded now."""
    scope = PageContext(request)
    own_contact, form = _own(scope, contact_id), CorrectForm(request.POST)
    if form.is_valid():
        with form.showing_refusals("phone"):
            identities = [*form.identities(), *_in_the_form(own_contact)[1]]
            new_id = changes.correct_contact(contact_id=own_contact.pk, identities=identities, **_reader(scope))
            if new_id == own_contact.pk:
                messages.info(request, _("Nothing has changed: phone, e-mail and handle are the same as before."))
            else:
                messages.success(request, _("Corrected. The new entry starts now."))
            return redirect(scope.url("contact", new_id))
    return _show(scope, own_contact, 422, correct=form)


@require_POST
def record_again(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Record a person outside the period again, while the campaign takes contacts."""
    scope = PageContext(request)
    contact: Any = _own(scope, contact_id)
    campaign = scope.campaign
    if campaign is None or contact.reason != "outside_period" or not selectors.takes_contacts(campaign, scope.now):
        messages.warning(request, _("Nothing has changed: this contact cannot be recorded again now."))
        return _back_to_list(scope)
    try:
        new_id = selectors.record_again_while_open(campaign=campaign, contact_id=contact_id, **_reader(scope))
    except Refused as refused:
        messages.warning(request, refused.message)
        return _back_to_list(scope)
    if getattr(request, "htmx", False):
        return _changed_row(request, new_id)
    messages.success(request, _("Recorded again today."))
    return redirect(scope.url("contact", new_id))


@require_POST
def record_all_again(request: HttpRequest) -> HttpResponse:
    """Record the contacts outside the period again, at most `MAX_RECORDED_AGAIN` of those that the list shows."""
    scope = PageContext(request)
    # Of a past day the reasons are those of its rule: contacts that count today could be recorded again.
    if scope.as_of or scope.campaign is None or not selectors.takes_contacts(scope.campaign, scope.now):
        messages.warning(request, _("Nothing has changed: these contacts cannot be recorded again now."))
        return _back_to_list(scope)
    shown = outside_period(scope, filters_from_url(scope)).values_list("pk", flat=True)
    result = selectors.record_all_again_while_open(
        campaign=scope.campaign, contact_ids=list(shown[:MAX_RECORDED_AGAIN]), **_reader(scope)
    )
    text = ngettext(
        "%(count)s contact is recorded again today.", "%(count)s contacts are recorded again today.", result.recorded
    )
    level = messages.SUCCESS if result.recorded else messages.INFO
    messages.add_message(request, level, text % {"count": base.number(result.recorded)})
    for reason, count in result.refused.items():
        messages.warning(request, _("%(count)s not: %(reason)s") % {"count": base.number(count), "reason": reason})
    return redirect(scope.url("contacts"))


@require_POST
def end(request: HttpRequest, contact_id: int) -> HttpResponse:
    scope = PageContext(request)
    contact = _own(scope, contact_id)
    try:
        changes.end_contact(contact_id=contact.pk, **_reader(scope))
    except Refused as refused:
        messages.warning(request, refused.message)
    else:
        text = _("%(name)s is ended.") % {"name": contact.name} if contact.name else _("The contact is ended.")
        # The tag makes the Undo button of the message (`undo_of`).
        if getattr(request, "htmx", False):
            return _changed_row(request, contact_id)
        messages.info(request, text, extra_tags=f"undo-{contact.pk}")
    return _back_to_list(scope)


@require_POST
def restore(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Undo an end, while the campaign still allows it."""
    scope = PageContext(request)
    contact = _own(scope, contact_id)
    try:
        selectors.restore_while_open(contact_id=contact.pk, **_reader(scope))
    except Refused as refused:
        messages.warning(request, refused.message)
    else:
        if getattr(request, "htmx", False):
            return _changed_row(request, contact_id)
        messages.success(
            request,
            _("%(name)s is restored.") % {"name": contact.name} if contact.name else _("The contact is restored."),
        )
    return _back_to_list(scope)


def _changed_row(request: HttpRequest, contact_id: int) -> HttpResponse:
    """What stands in the list in place of the contact's row."""
    # A new context: the change must be before its instant to be shown.
    scope = PageContext(request)
    context = {"contact": _own(scope, contact_id), **chips_context(scope, filters_from_url(scope))}
    return render(scope, "contacts/_changed_row.html", context)


def _back_to_list(scope: PageContext) -> HttpResponse:
    """The same page of the same list: its filters stand in the address of the form."""
    # Without the fragment of the list: the message stands above it.
    filters = filters_from_url(scope)
    place = {name: scope.request.GET.get(name, "") for name in ("after", "row", "rows")}
    return redirect(scope.url("contacts", **filters.query, **place))
