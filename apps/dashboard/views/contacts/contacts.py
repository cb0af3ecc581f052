"""`/contacts/`: the reader's own contacts and the actions on one. Contacts of others never appear here."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.campaigns import selectors
from apps.contacts.models import Contact
from apps.contacts.services import changes
from apps.core import enqueue
from apps.dashboard.forms.base import IDENTITY_FIELDS, CorrectForm, QuickAddForm, RefusableForm, RenameForm
from apps.dashboard.views.contacts.contact_list import choice_of, choice_typed, list_url, own_page
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.my_standing import final_line, own_contacts
from apps.privacy import retention
from apps.reviews import services


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The list: search, filters, sorting, and keyset pagination, so that page 1,000 costs what page 1 does."""
    return listing(PageContext(request), QuickAddForm())


@require_POST
def search(request: HttpRequest) -> HttpResponse:
    """Redirect to the filtered list; the search text is encrypted in its address."""
    scope = PageContext(request)
    return redirect(list_url(scope, choice_typed(scope)))


def listing(scope: PageContext, form: QuickAddForm, status: int = 200) -> HttpResponse:
    can_ask = scope.campaign is not None and services.can_ask(scope.campaign, scope.now)
    until = retention.contacts_retained_until(scope.campaign) if scope.campaign else None
    context = {
        "form": form,
        "can_ask": can_ask,
        "final": final_line(scope),
        "retained_until": until.astimezone(scope.zone).date() if until else None,
        **own_page(scope, choice_of(scope)),
    }
    return render(scope, "contacts/contacts.html", context, status=status)


def _own(scope: PageContext, contact_id: int) -> Contact:
    """The reader's contact with its reason; 404 for a contact of another employee."""
    contact = own_contacts(scope).filter(pk=contact_id).first()
    if contact is None:
        raise Http404("There is no such contact")
    return contact


@require_safe
def contact(request: HttpRequest, contact_id: int) -> HttpResponse:
    """One contact: all its data, what would make it count, and the three actions."""
    scope = PageContext(request)
    return _show(scope, _own(scope, contact_id))


def _show(scope: PageContext, contact: Contact, status: int = 200, **forms: RefusableForm) -> HttpResponse:
    identities = {identity.kind: identity.value for identity in contact.identities.all()}
    context = {
        "contact": contact,
        "rename": forms.get("rename") or RenameForm(initial={"name": contact.name or ""}),
        "correct": forms.get("correct")
        or CorrectForm(initial={kind: identities.get(kind) or "" for kind in IDENTITY_FIELDS}),
    }
    return render(scope, "contacts/contact.html", context, status=status)


@require_POST
def rename(request: HttpRequest, contact_id: int) -> HttpResponse:
    scope = PageContext(request)
    found, form = _own(scope, contact_id), RenameForm(request.POST)
    if form.is_valid():
        try:
            changes.rename_contact(
                contact_id=found.pk, employee=scope.the_employee, name=form.cleaned_data["name"], by=scope.user.actor
            )
        except changes.ContactRefused as refused:
            form.refuse(refused.field or "name", refused.message)
        else:
            messages.success(request, _("The name is changed."))
            return redirect(scope.url("contact", found.pk))
    return _show(scope, found, 422, rename=form)


@require_POST
def correct(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Another identity is another contact: the old one ends as corrected, the new one is recorded now."""
    scope = PageContext(request)
    found, form = _own(scope, contact_id), CorrectForm(request.POST)
    if form.is_valid():
        try:
            fresh = changes.correct_contact(
                contact_id=found.pk, employee=scope.the_employee, identities=form.identities(), by=scope.user.actor
            )
        except changes.ContactRefused as refused:
            form.refuse(refused.field or "phone", refused.message)
        else:
            enqueue.enqueue_marking()
            messages.success(request, _("Corrected. The new entry is recorded from now on."))
            return redirect(scope.url("contact", fresh))
    return _show(scope, found, 422, correct=form)


@require_POST
def end(request: HttpRequest, contact_id: int) -> HttpResponse:
    """End a contact at once; the message offers to undo it."""
    scope = PageContext(request)
    contact = _own(scope, contact_id)
    try:
        changes.end_contact(contact_id=contact.pk, employee=scope.the_employee, by=scope.user.actor)
    except changes.ContactRefused as refused:
        messages.warning(request, refused.message)
    else:
        enqueue.enqueue_marking()
        text = _("%(name)s is ended.") % {"name": contact.name} if contact.name else _("The contact is ended.")
        messages.info(request, text, extra_tags=f"undo-{contact.pk}")
    return redirect(scope.url("contacts"))


@require_POST
def restore(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Undo an end, while the campaign still allows it."""
    scope = PageContext(request)
    contact = _own(scope, contact_id)
    try:
        selectors.restore_while_open(contact_id=contact.pk, employee=scope.the_employee, by=scope.user.actor)
    except changes.ContactRefused as refused:
        messages.warning(request, refused.message)
    else:
        enqueue.enqueue_marking()
        messages.success(
            request, _("%(name)s is back.") % {"name": contact.name} if contact.name else _("The contact is back.")
        )
    return redirect(scope.url("contacts"))
