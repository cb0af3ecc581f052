"""The list on `/contacts/`: what the address filters, in which order, and one page of it by keyset."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Case, Count, Func, Q, QuerySet, TextField, Value, When
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.contacts.models import Contact, ContactIdentity, Source, Submission
from apps.dashboard import encrypted_search
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.my_standing import own_contacts
from apps.employees.models import Employee

PAGE = 50
MAX_FILES = 50
QUERY_LIMIT = 200
# Filter values of the chips: a reason, or one of these words.
COUNTING, NOT_COUNTING = "counts", "not_counting"
FILES = (Source.CSV, Source.VCARD)
NEWEST, OLDEST, NAME = "", "oldest", "name"
SORTS: dict[str, tuple[base.Text, base.Text]] = {
    NEWEST: (gettext_lazy("Newest first"), gettext_lazy("Older ones")),
    OLDEST: (gettext_lazy("Oldest first"), gettext_lazy("Newer ones")),
    NAME: (gettext_lazy("Name, A to Z"), gettext_lazy("Next page")),
}


class Title(Func):
    """A name as sort key: capitals and accents beside their plain letters, with any collation of PostgreSQL 15."""

    template = "(lower(normalize(coalesce(%(expressions)s, ''), NFD)) COLLATE \"C\")"
    output_field = TextField()


@dataclass(frozen=True)
class ContactFilters:
    """Filters and order of the list, as in the address; unknown values mean the default.

    `q`: the search text. `sought`: its encrypted form in the address. `lost`: the address held a text that cannot be
    read any more.
    """

    q: str
    sought: str
    reason: str
    source: str
    batch: Submission | None
    sort: str
    lost: bool = False

    @property
    def query(self) -> dict[str, str]:
        batch = str(self.batch.pk) if self.batch else ""
        filters = {"reason": self.reason, "source": self.source, "batch": batch, "sort": self.sort}
        return {"sought": self.sought, **filters}

    @property
    def filtered(self) -> bool:
        return bool(self.q or self.reason or self.source or self.batch)

    @property
    def folded(self) -> bool:
        """Whether no filter inside the collapsed section is set, so that it may stay closed on a phone."""
        return not (self.source or self.batch or self.sort)


def choice_of(scope: PageContext) -> ContactFilters:
    """From the address. Raises Http404 for a batch that is not the reader's."""
    token = scope.request.GET.get("sought", "")
    try:
        q = encrypted_search.unseal(token, reader=scope.the_employee, at=scope.now)
    except encrypted_search.Unreadable:
        return replace(_choice(scope, scope.request.GET), lost=True)
    return replace(_choice(scope, scope.request.GET), q=q, sought=token)


def choice_typed(scope: PageContext) -> ContactFilters:
    """From the form above the list. Raises Http404 likewise."""
    typed = scope.request.POST
    q = typed.get("q", "").strip().replace("\0", "")[:QUERY_LIMIT]
    return replace(_choice(scope, typed), q=q, sought=encrypted_search.seal(q, reader=scope.the_employee, at=scope.now))


def _choice(scope: PageContext, asked: QueryDict) -> ContactFilters:
    """All but the search text."""
    reason, source, sort = (asked.get(key, "") for key in ("reason", "source", "sort"))
    return ContactFilters(
        q="",
        sought="",
        reason=reason if reason in (COUNTING, NOT_COUNTING, *base.REASONS) else "",
        source=source if source in Source.values else "",
        batch=_batch(scope, asked.get("batch", "")),
        sort=sort if sort in SORTS else NEWEST,
    )


def _batch(scope: PageContext, asked: str) -> Submission | None:
    if not asked:
        return None
    try:
        return _batches(scope).get(pk=UUID(asked))
    except (ValueError, Submission.DoesNotExist) as unknown:
        raise Http404("There is no such file") from unknown


def _batches(scope: PageContext) -> QuerySet[Any, Any]:
    return Submission.objects.filter(employee=scope.the_employee).annotate(count=Count("contact"))


def own_page(scope: PageContext, choice: ContactFilters) -> dict[str, Any]:
    """Context of the list: its rows, the chips with their numbers, the filter values, and the addresses."""
    chosen = _chosen(scope, choice)
    tally = {line["reason"]: line["n"] for line in chosen.order_by().values("reason").annotate(n=Count("id"))}
    after = scope.request.GET.get("after", "")
    rows = list(_after(scope, _ordered(_of_reason(chosen, choice.reason), choice.sort), choice.sort, after)[: PAGE + 1])
    more = len(rows) > PAGE
    return {
        "rows": rows[:PAGE],
        "choice": choice,
        "chips": _chips(scope, choice, tally),
        "found": _sum(tally, choice.reason),
        "sources": _sources(scope, choice),
        "batches": _files(scope, choice),
        "sorts": [(code, label) for code, (label, _next) in SORTS.items()],
        "next": list_url(scope, choice, after=rows[PAGE - 1].pk) if more else "",
        "next_label": SORTS[choice.sort][1],
        "first": list_url(scope, choice) if after else "",
        "clear": list_url(scope, ContactFilters("", "", "", "", None, choice.sort)),
    }


def list_url(scope: PageContext, choice: ContactFilters, **more: Any) -> str:
    """The address of the list with these filters."""
    return scope.url("contacts", **{**choice.query, **more}) + "#list"


def _chosen(scope: PageContext, choice: ContactFilters) -> QuerySet[Any]:
    """All filters except the reason, so that every chip can show its number."""
    contacts = own_contacts(scope)
    if choice.source:
        contacts = contacts.filter(source=choice.source)
    if choice.batch:
        contacts = contacts.filter(submission=choice.batch)
    return searched(scope.the_employee, contacts, choice.q) if choice.q else contacts


def _of_reason(contacts: QuerySet[Any], reason: str) -> QuerySet[Any]:
    if reason == COUNTING:
        return contacts.filter(reason="")
    if reason == NOT_COUNTING:
        return contacts.exclude(reason__in=["", "ended"])
    return contacts.filter(reason=reason) if reason else contacts


def searched(employee: Employee, contacts: QuerySet[Any], query: str) -> QuerySet[Any]:
    """Name or identity contains the text; a phone number also without its spaces and dashes."""
    match = Q(value__icontains=query)
    digits = "".join(sign for sign in query if sign.isdigit())
    if len(digits) >= 3:
        match |= Q(kind="phone", value__contains=digits)
    # One pass over the reader's identities, not one per contact: half the time at 10,000 of them.
    held = ContactIdentity.objects.filter(match, employee=employee).values("contact")
    return contacts.filter(Q(name__icontains=query) | Q(pk__in=held))


def _ordered(contacts: QuerySet[Any], sort: str) -> QuerySet[Any]:
    if sort == NAME:
        return _titled(contacts).order_by("nameless", "title", "id")
    return contacts.order_by("recorded_at", "id") if sort == OLDEST else contacts.order_by("-recorded_at", "-id")


def _titled(contacts: QuerySet[Any]) -> QuerySet[Any]:
    """With the sort key for names; contacts without one come last."""
    nameless = Case(When(Q(name=None) | Q(name=""), then=Value(True)), default=False, output_field=BooleanField())
    return contacts.annotate(nameless=nameless, title=Title("name"))


def _after(scope: PageContext, contacts: QuerySet[Any], sort: str, after: str) -> QuerySet[Any]:
    """The rows after one of the reader's own contacts, given by its number; 404 for any other."""
    if not after:
        return contacts
    try:
        last: Any = _titled(Contact.objects.of(scope.the_employee)).get(pk=int(after))
    except (ValueError, Contact.DoesNotExist) as unknown:
        raise Http404("There is no such page") from unknown
    if sort == NAME:
        same = Q(nameless=last.nameless)
        behind = same & (Q(title__gt=last.title) | Q(title=last.title, pk__gt=last.pk))
        return contacts.filter(behind if last.nameless else behind | Q(nameless=True))
    if sort == OLDEST:
        return contacts.filter(Q(recorded_at__gt=last.recorded_at) | Q(recorded_at=last.recorded_at, pk__gt=last.pk))
    return contacts.filter(Q(recorded_at__lt=last.recorded_at) | Q(recorded_at=last.recorded_at, pk__lt=last.pk))


def _sum(tally: dict[str, int], reason: str) -> int:
    """How many contacts a chip finds."""
    if reason == COUNTING:
        return tally.get("", 0)
    if reason == NOT_COUNTING:
        return sum(count for code, count in tally.items() if code not in ("", "ended"))
    return tally.get(reason, 0) if reason else sum(tally.values())


def _chips(scope: PageContext, choice: ContactFilters, tally: dict[str, int]) -> list[dict[str, Any]]:
    """One chip for each reason with matches, and always the chosen one. The other filters stay."""
    offers: list[tuple[str, base.Text]] = [
        ("", _("All")),
        (COUNTING, _("Counting")),
        (NOT_COUNTING, _("Not counting")),
    ]
    offers += [(code, reason.label) for code, reason in base.REASONS.items()]
    return [
        {
            "label": label,
            "count": _sum(tally, code),
            "here": code == choice.reason,
            "url": list_url(scope, replace(choice, reason=code)),
        }
        for code, label in offers
        if _sum(tally, code) or code in ("", choice.reason)
    ]


def _sources(scope: PageContext, choice: ContactFilters) -> list[tuple[str, base.Text]]:
    """The sources of the reader's contacts, and always the chosen one."""
    used = set(Contact.objects.of(scope.the_employee).values_list("source", flat=True).distinct())
    return [(code, label) for code, label in base.SOURCES.items() if code in used or code == choice.source]


def _files(scope: PageContext, choice: ContactFilters) -> list[tuple[str, str]]:
    """The reader's newest files, and always the chosen batch: name, day, contacts that came of it."""
    files = list(_batches(scope).filter(source__in=FILES, count__gt=0).order_by("-received_at")[:MAX_FILES])
    if choice.batch and choice.batch not in files:
        files.insert(0, choice.batch)
    return [(str(file.pk), _called(scope, file)) for file in files]


def _called(scope: PageContext, batch: Any) -> str:
    day = base.short_date(batch.received_at.astimezone(scope.zone).date())
    name = batch.file_name or base.SOURCES.get(batch.source, batch.source)
    return f"{name} · {day} · {base.number(batch.count)}"
