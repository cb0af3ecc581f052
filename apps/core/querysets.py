"""Expressions that queries of every app may use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, DateTimeField, F, Field, Func, JSONField, Q, QuerySet, Sum, TextField, Value, When

from apps.core.text import is_storable

if TYPE_CHECKING:
    from apps.core.models import AuditEntry


class _NoArguments(Func):
    # PostgreSQL may evaluate it as the default of a column.
    allowed_default = True
    template = "%(function)s()"
    arity = 0


class Clock(_NoArguments):
    """The database's clock, `hundred_clock()`: the only clock that dates a fact."""

    function = "hundred_clock"
    output_field = DateTimeField()


class SessionUser(_NoArguments):
    """The database role of the session: the origin of a change that no interface of Hundred wrote."""

    function = "session_user"
    template = "'database ' || %(function)s"
    output_field = TextField()


class ThisTransaction(_NoArguments):
    """The running transaction, as a text that is unique, also in a restored installation."""

    function = "hundred_transaction"
    output_field = TextField()


class AuditQuerySet(QuerySet):
    """Entries of the trail, newest first."""

    def with_hidden_subjects(self, private: Q | None) -> AuditQuerySet:
        """Hide the subject and the details of the entries that match `private`."""
        is_hidden = private if private is not None else Q(pk__in=[])

        def shown(column: str, empty: Any, field: Field) -> Case:
            return Case(When(is_hidden, then=Value(empty, field)), default=F(column), output_field=field)

        return self.annotate(
            # Hidden in the query, and not in the page: a search or a file must not find a hidden text either.
            shown_id=shown("subject_id", "", TextField()),
            shown_label=shown("subject_label", "", TextField()),
            shown_detail=shown("detail", {}, JSONField()),
        )

    def chosen(
        self, *, about: str = "", q: str = "", actors: Collection[int] = (), since: datetime | None = None,
        until: datetime | None = None,
    ) -> AuditQuerySet:  # fmt: skip
        """Filter by the beginning of the action, such as `roster`; by a part of the actor or subject, or `actors`, the
        ids of accounts; by [since, until).

        For entries of `with_hidden_subjects`: a search does not find hidden texts.
        """
        entries = self.filter(action__startswith=f"{about}.") if about else self
        if q and is_storable(q):
            entries = entries.filter(
                Q(actor_label__icontains=q)
                | Q(shown_label__icontains=q)
                | Q(shown_id=q)
                | Q(origin__icontains=q)
                | Q(actor_id__in=actors)
            )
        entries = entries.filter(at__gte=since) if since else entries
        return (entries.filter(at__lt=until) if until else entries).order_by("-at", "-pk")


class RowChangeQuerySet(QuerySet):
    def by_transaction(self, entries: Iterable[AuditEntry]) -> dict[str, list[tuple[str, str, int | None]]]:
        """What the transactions of these entries changed: (table, operation, rows) by transaction."""
        transactions = {entry.transaction for entry in entries} - {""}
        changes = self.filter(transaction__in=transactions).values_list("transaction", "table_name", "operation")
        changes_by_transaction: dict[str, list[tuple[str, str, int | None]]] = {}
        for transaction, table, operation, rows in changes.annotate(Sum("rows")).order_by(
            "transaction", "table_name", "operation"
        ):
            changes_by_transaction.setdefault(transaction, []).append((table, operation, rows))
        return changes_by_transaction
