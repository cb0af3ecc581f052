"""The filters of the list on `/contacts/`, from its address and from the form above it."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import Http404, QueryDict
from django.utils.translation import gettext_lazy

from apps.contacts.models import Source, Submission
from apps.dashboard import encrypted_search
from apps.dashboard.labels import base
from apps.dashboard.views.list_pages import text_param
from apps.dashboard.views.page_context import PageContext

# Filter values of the chips: a reason, or one of these words. Defaults are empty, so addresses do not contain them.
ACTIVE, ALL, COUNTING, NOT_COUNTING = "", "all", "counts", "not_counting"
OUTSIDE_PERIOD = "outside_period"
NEWEST, OLDEST, NAME = "", "oldest", "name"
SORTS: dict[str, tuple[base.Text, base.Text]] = {
    NEWEST: (gettext_lazy("Newest first"), gettext_lazy("Older contacts")),
    OLDEST: (gettext_lazy("Oldest first"), gettext_lazy("Newer contacts")),
    NAME: (gettext_lazy("Name, A to Z"), gettext_lazy("Next page")),
}


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
        return own_batches(scope).get(pk=UUID(text))
    except (ValueError, Submission.DoesNotExist) as unknown:
        raise Http404("There is no such file") from unknown


def own_batches(scope: PageContext) -> QuerySet[Any, Any]:
    return Submission.objects.filter(employee=scope.required_employee).annotate(count=Count("contact"))
