"""Expressions every app's queries may use."""

from __future__ import annotations

from datetime import datetime

from django.db.models import DateTimeField, Func, Q, QuerySet, TextField

from apps.ledger.rules import storable


class Clock(Func):
    """The database's clock, `hundred_clock()`: the only clock that dates a fact."""

    function = "hundred_clock"
    template = "%(function)s()"
    arity = 0
    output_field = DateTimeField()
    allowed_default = True


class SessionUser(Func):
    """The role that is signed in to the database: where an entry came from that no door of the house wrote."""

    function = "session_user"
    template = "'database ' || %(function)s"
    arity = 0
    output_field = TextField()
    allowed_default = True


class AuditQuerySet(QuerySet):
    """Entries of the trail, the newest first."""

    def chosen(
        self, *, about: str = "", q: str = "", since: datetime | None = None, until: datetime | None = None
    ) -> AuditQuerySet:
        """Narrowed to what an action begins with, such as `roster`; to a part of who or whom; to [since, until)."""
        found = self.filter(action__startswith=f"{about}.") if about else self
        if q and storable(q):
            found = found.filter(
                Q(actor_label__icontains=q) | Q(subject_label__icontains=q) | Q(subject_id=q) | Q(origin__icontains=q)
            )
        found = found.filter(at__gte=since) if since else found
        return (found.filter(at__lt=until) if until else found).order_by("-at", "-pk")
