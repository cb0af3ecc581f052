"""The list on `/contacts/`: what the address filters, in which order, and one page of it by keyset."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.db.models import BooleanField, Case, Count, Func, Q, QuerySet, TextField, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.campaigns import selectors
from apps.contacts.models import Contact, ContactIdentity
from apps.dashboard.labels import base
from apps.dashboard.views.contacts.contact_filters import (
    ACTIVE,
    ALL,
    COUNTING,
    NAME,
    NEWEST,
    NOT_COUNTING,
    OLDEST,
    OUTSIDE_PERIOD,
    SORTS,
    ContactFilters,
    own_batches,
)
from apps.dashboard.views.contacts.import_preview import FILE_SOURCES
from apps.dashboard.views.list_pages import counted_list_page
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.my_standing import own_contacts
from apps.employees.models import Employee

MAX_FILES = 50
# Contacts that one press records again, in about 0.7 s.
MAX_RECORDED_AGAIN = 500
# Contacts without a name come last.
ORDERS = {NEWEST: ("-recorded_at", "-pk"), OLDEST: ("recorded_at", "pk"), NAME: ("nameless", "title", "pk")}


class NameSortKey(Func):
    """A name as sort key: capitals and accents beside their plain letters, with any collation of PostgreSQL 15."""

    # NFD puts accents behind their letters; ICU collations are not in every PostgreSQL 15.
    template = "(lower(normalize(coalesce(%(expressions)s, ''), NFD)) COLLATE \"C\")"
    output_field = TextField()


def list_context(scope: PageContext, filters: ContactFilters) -> dict[str, Any]:
    """Context of the list: its rows, the chips with their numbers, the filter values, and the addresses."""
    rows = _of_reason(_without_reason(scope, filters), filters.reason)
    address = partial(list_url, scope, filters)
    context = chips_context(scope, filters)
    return {
        **context,
        "page": counted_list_page(
            scope,
            _with_sort_key(rows) if filters.sort == NAME else rows,
            *ORDERS[filters.sort],
            total=context["matches"],
            address=address,
        ),
        "sources": _sources(scope, filters),
        "batches": _files(scope, filters),
        "sorts": [(code, label) for code, (label, _next) in SORTS.items()],
        "next_label": SORTS[filters.sort][1],
    }


def chips_context(scope: PageContext, filters: ContactFilters) -> dict[str, Any]:
    """Context of the chips, and of the actions on one contact of the list, which return to the same page of it."""
    contacts = _without_reason(scope, filters)
    # One query for all chips; without `order_by()` the order would become part of the GROUP BY.
    tally = {line["reason"]: line["n"] for line in contacts.order_by().values("reason").annotate(n=Count("id"))}
    place = {name: scope.request.GET.get(name, "") for name in ("after", "row", "rows")}
    query = scope.url("contacts", **filters.query, **place).partition("?")[2]
    return {
        "filters": filters,
        "chips": _chips(scope, filters, tally),
        "matches": _count_for_chip(tally, filters.reason),
        "clear": list_url(scope, ContactFilters("", "", "", "", None, filters.sort)),
        "list_query": f"?{query}" if query else "",
        "recordable_again": _recordable_again(scope, filters, tally),
        "most_recorded_again": MAX_RECORDED_AGAIN,
    }


def outside_period(scope: PageContext, filters: ContactFilters) -> QuerySet[Any]:
    """The contacts outside the period among those of the filters, newest first."""
    return _of_reason(_without_reason(scope, filters), OUTSIDE_PERIOD)


def _recordable_again(scope: PageContext, filters: ContactFilters, tally: dict[str, int]) -> int:
    """How many contacts outside the period the list offers to record again at once; 0 where it does not."""
    offered = filters.reason in (OUTSIDE_PERIOD, NOT_COUNTING) and selectors.takes_contacts(scope.campaign, scope.now)
    return tally.get(OUTSIDE_PERIOD, 0) if offered and scope.as_of is None else 0


def list_url(scope: PageContext, filters: ContactFilters, **more: Any) -> str:
    return scope.url("contacts", **{**filters.query, **more}) + "#list"


def _without_reason(scope: PageContext, filters: ContactFilters) -> QuerySet[Any]:
    """All filters except the reason, so that every chip can show its number."""
    contacts = own_contacts(scope)
    if filters.source:
        contacts = contacts.filter(source=filters.source)
    if filters.batch:
        contacts = contacts.filter(submission=filters.batch)
    return searched(scope.required_employee, contacts, filters.q) if filters.q else contacts


def _of_reason(contacts: QuerySet[Any], reason: str) -> QuerySet[Any]:
    if reason == ALL:
        return contacts
    if reason == COUNTING:
        return contacts.filter(reason="")
    # Ended contacts are over: a reader looks for what counts, or for what can still be fixed.
    if reason in (ACTIVE, NOT_COUNTING):
        return contacts.exclude(reason__in=["ended"] if reason == ACTIVE else ["", "ended"])
    return contacts.filter(reason=reason)


def searched(employee: Employee, contacts: QuerySet[Any], query: str) -> QuerySet[Any]:
    """Name or identity contains the text; a phone number also without its spaces and dashes."""
    match = Q(value__icontains=query)
    digits = "".join(sign for sign in query if sign.isdigit())
    # Two digits would match nearly every number.
    if len(digits) >= 3:
        match |= Q(kind="phone", value__contains=digits)
    # One pass over the reader's identities, not one per contact: half the time at 10,000 of them.
    matching = ContactIdentity.objects.filter(match, employee=employee).values("contact")
    return contacts.filter(Q(name__icontains=query) | Q(pk__in=matching))


def _with_sort_key(contacts: QuerySet[Any]) -> QuerySet[Any]:
    nameless = Case(When(Q(name=None) | Q(name=""), then=Value(True)), default=False, output_field=BooleanField())
    return contacts.annotate(nameless=nameless, title=NameSortKey("name"))


def _count_for_chip(tally: dict[str, int], reason: str) -> int:
    if reason == ALL:
        return sum(tally.values())
    if reason == COUNTING:
        return tally.get("", 0)
    if reason in (ACTIVE, NOT_COUNTING):
        hidden = ("ended",) if reason == ACTIVE else ("", "ended")
        return sum(count for code, count in tally.items() if code not in hidden)
    return tally.get(reason, 0)


def _chips(scope: PageContext, filters: ContactFilters, tally: dict[str, int]) -> list[dict[str, Any]]:
    """One chip for each reason with matches, and always the chosen one. The other filters stay."""
    chips: list[tuple[str, base.Text]] = [
        (ACTIVE, pgettext("contacts", "Active")),
        (COUNTING, _("Counting")),
        (NOT_COUNTING, _("Not counting")),
    ]
    # Ended ones last, before all with them: without an ended contact there is neither.
    reasons = sorted(base.REASONS.items(), key=lambda item: item[0] == "ended")
    chips += [(code, reason.label) for code, reason in reasons]
    if tally.get("ended") or filters.reason == ALL:
        chips.append((ALL, _("All")))
    return [
        {
            "label": label,
            "count": _count_for_chip(tally, code),
            "is_current": code == filters.reason,
            "url": list_url(scope, replace(filters, reason=code)),
        }
        for code, label in chips
        if _count_for_chip(tally, code) or code in (ACTIVE, filters.reason)
    ]


def _sources(scope: PageContext, filters: ContactFilters) -> list[tuple[str, base.Text]]:
    """The sources of the reader's contacts, and always the chosen one."""
    used = set(Contact.objects.of(scope.required_employee).values_list("source", flat=True).distinct())
    return [(code, label) for code, label in base.SOURCES.items() if code in used or code == filters.source]


def _files(scope: PageContext, filters: ContactFilters) -> list[tuple[str, str]]:
    """The reader's newest files, and always the chosen batch: name, day, contacts that came of it."""
    files = list(own_batches(scope).filter(source__in=FILE_SOURCES, count__gt=0).order_by("-received_at")[:MAX_FILES])
    if filters.batch and filters.batch not in files:
        files.insert(0, filters.batch)
    return [(str(file.pk), _file_label(scope, file)) for file in files]


def _file_label(scope: PageContext, batch: Any) -> str:
    day = base.short_date(batch.received_at.astimezone(scope.zone).date())
    name = batch.file_name or base.SOURCES.get(batch.source, batch.source)
    return f"{name} · {day} · {base.number(batch.count)}"
