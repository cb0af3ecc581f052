"""Expressions that queries of every app may use."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Case, DateTimeField, F, Field, Func, JSONField, Q, QuerySet, Sum, TextField, Value, When

from apps.core.identity import storable

if TYPE_CHECKING:
    from apps.core.models import AuditEntry


class Clock(Func):
    """The database's clock, `hundred_clock()`: the only clock that dates a fact."""

    function = "hundred_clock"
    template = "%(function)s()"
    arity = 0
    output_field = DateTimeField()
    allowed_default = True


class SessionUser(Func):
    """The database role of the session: the origin of a change that no interface of Hundred wrote."""

    function = "session_user"
    template = "'database ' || %(function)s"
    arity = 0
    output_field = TextField()
    allowed_default = True


class ThisTransaction(Func):
    """The running transaction, as a text that is unique, also in a restored installation."""

    function = "hundred_transaction"
    template = "%(function)s()"
    arity = 0
    output_field = TextField()
    allowed_default = True


class AuditQuerySet(QuerySet):
    """Entries of the trail, newest first."""

    def shown_but(self, private: Q | None) -> AuditQuerySet:
        """Hide the subject and the details of the entries that match `private`."""
        hidden = private if private is not None else Q(pk__in=[])

        def shown(column: str, nothing: Any, field: Field) -> Case:
            return Case(When(hidden, then=Value(nothing, field)), default=F(column), output_field=field)

        return self.annotate(
            shown_id=shown("subject_id", "", TextField()),
            shown_label=shown("subject_label", "", TextField()),
            shown_detail=shown("detail", {}, JSONField()),
        )

    def chosen(
        self, *, about: str = "", q: str = "", since: datetime | None = None, until: datetime | None = None
    ) -> AuditQuerySet:
        """Filter by the beginning of the action, such as `roster`; by a part of the actor or subject; by [since,
        until).

        For entries of `shown_but`: a search does not find hidden texts.
        """
        entries = self.filter(action__startswith=f"{about}.") if about else self
        if q and storable(q):
            entries = entries.filter(
                Q(actor_label__icontains=q) | Q(shown_label__icontains=q) | Q(shown_id=q) | Q(origin__icontains=q)
            )
        entries = entries.filter(at__gte=since) if since else entries
        return (entries.filter(at__lt=until) if until else entries).order_by("-at", "-pk")


class RowChangeQuerySet(QuerySet):
    """The changes that the audit triggers logged."""

    def by_act(self, entries: Iterable[AuditEntry]) -> dict[str, list[tuple[str, str, int | None]]]:
        """What the transactions of these entries changed: (table, operation, rows) by transaction."""
        written = {entry.transaction for entry in entries} - {""}
        changes = self.filter(transaction__in=written).values_list("transaction", "table_name", "operation")
        changed: dict[str, list[tuple[str, str, int | None]]] = {}
        for transaction, table, operation, rows in changes.annotate(Sum("rows")).order_by(
            "transaction", "table_name", "operation"
        ):
            changed.setdefault(transaction, []).append((table, operation, rows))
        return changed
