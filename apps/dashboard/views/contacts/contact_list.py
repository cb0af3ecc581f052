"""The list on `/contacts/`: what the address filters, in which order, and one page of it by keyset."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Case, Count, Func, Q, QuerySet, TextField, Value, When
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from apps.contacts.models import Contact, ContactIdentity, Source, Submission
from apps.dashboard import encrypted_search
from apps.dashboard.labels import base
from apps.dashboard.views.contacts.import_preview import FILE_SOURCES
from apps.dashboard.views.list_pages import list_page, text_param
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.my_standing import own_contacts
from apps.employees.models import Employee

PAGE = 50
MAX_FILES = 50
# Filter values of the chips: a reason, or one of these words. The default is absent from addresses.
ACTIVE, ALL, COUNTING, NOT_COUNTING = "", "all", "counts", "not_counting"
# The default is empty and so absent from addresses.
NEWEST, OLDEST, NAME = "", "oldest", "name"
SORTS: dict[str, tuple[base.Text, base.Text]] = {
    NEWEST: (gettext_lazy("Newest first"), gettext_lazy("Older contacts")),
    OLDEST: (gettext_lazy("Oldest first"), gettext_lazy("Newer contacts")),
    NAME: (gettext_lazy("Name, A to Z"), gettext_lazy("Next page")),
}


# Contacts without a name come last.
ORDERS = {NEWEST: ("-recorded_at", "-pk"), OLDEST: ("recorded_at", "pk"), NAME: ("nameless", "title", "pk")}


class NameSortKey(Func):
    """A name as sort key: capitals and accents beside their plain letters, with any collation of PostgreSQL 15."""

    # NFD puts accents behind their letters; ICU collations are not in every PostgreSQL 15.
    template = "(lower(normalize(coalesce(%(expressions)s, ''), NFD)) COLLATE \"C\")"
    output_field = TextField()


@dataclass(frozen=True)
class ContactFilters:
    """Filters and order of the list, as in the address; unknown values mean the default.

    `q`: the search text. `search_token`: its encrypted form in the address. `search_expired`: the address held a text
    that cannot be read any more.
    """

    q: str
    search_token: str
    reason: str
    source: str
    batch: Submission | None
    sort: str
    search_expired: bool = False

    @property
    def query(self) -> dict[str, str]:
        batch = str(self.batch.pk) if self.batch else ""
        params = {"reason": self.reason, "source": self.source, "batch": batch, "sort": self.sort}
        # `sought`: bookmarks have this name.
        return {"sought": self.search_token, **params}

    @property
    def filtered(self) -> bool:
        return bool(self.q or self.reason or self.source or self.batch)

    @property
    def folded_count(self) -> int:
        """How many filters are in force among those behind the button *Filters* of a phone."""
        return sum(map(bool, (self.source, self.batch)))


def filters_from_url(scope: PageContext) -> ContactFilters:
    """From the address. Raises Http404 for a batch that is not the reader's."""
    token = scope.request.GET.get("sought", "")
    try:
        q = encrypted_search.decrypt_search(token, reader=scope.required_employee, at=scope.now)
    except encrypted_search.UnreadableToken:
        return replace(_read_filters(scope, scope.request.GET), search_expired=True)
    return replace(_read_filters(scope, scope.request.GET), q=q, search_token=token)


def filters_from_form(scope: PageContext) -> ContactFilters:
    """From the form above the list. Raises Http404 likewise."""
    q = text_param(scope.request.POST, "q")
    token = encrypted_search.encrypt_search(q, reader=scope.required_employee, at=scope.now)
    return replace(_read_filters(scope, scope.request.POST), q=q, search_token=token)


def _read_filters(scope: PageContext, params: QueryDict) -> ContactFilters:
    reason, source, sort = (params.get(key, "") for key in ("reason", "source", "sort"))
    return ContactFilters(
        q="",
        search_token="",  # nosec B106 # none
        reason=reason if reason in (ALL, COUNTING, NOT_COUNTING, *base.REASONS) else ACTIVE,
        source=source if source in Source.values else "",
        batch=_batch(scope, params.get("batch", "")),
        sort=sort if sort in SORTS else NEWEST,
    )


def _batch(scope: PageContext, text: str) -> Submission | None:
    if not text:
        return None
    try:
        return _batches(scope).get(pk=UUID(text))
    except (ValueError, Submission.DoesNotExist) as unknown:
        raise Http404("There is no such file") from unknown


def _batches(scope: PageContext) -> QuerySet[Any, Any]:
    return Submission.objects.filter(employee=scope.required_employee).annotate(count=Count("contact"))


def list_context(scope: PageContext, filters: ContactFilters) -> dict[str, Any]:
    """Context of the list: its rows, the chips with their numbers, the filter values, and the addresses."""
    rows = _of_reason(_without_reason(scope, filters), filters.reason)
    address = partial(list_url, scope, filters)
    return {
        **chips_context(scope, filters),
        "page": list_page(
            scope,
            _with_sort_key(rows) if filters.sort == NAME else rows,
            *ORDERS[filters.sort],
            size=PAGE,
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
    query = scope.url("contacts", **filters.query, after=scope.request.GET.get("after", "")).partition("?")[2]
    return {
        "filters": filters,
        "chips": _chips(scope, filters, tally),
        "matches": _count_for_chip(tally, filters.reason),
        "clear": list_url(scope, ContactFilters("", "", "", "", None, filters.sort)),
        "list_query": f"?{query}" if query else "",
    }


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
    files = list(_batches(scope).filter(source__in=FILE_SOURCES, count__gt=0).order_by("-received_at")[:MAX_FILES])
    if filters.batch and filters.batch not in files:
        files.insert(0, filters.batch)
    return [(str(file.pk), _file_label(scope, file)) for file in files]


def _file_label(scope: PageContext, batch: Any) -> str:
    day = base.short_date(batch.received_at.astimezone(scope.zone).date())
    name = batch.file_name or base.SOURCES.get(batch.source, batch.source)
    return f"{name} · {day} · {base.number(batch.count)}"
