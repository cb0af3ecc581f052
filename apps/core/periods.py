"""The two meanings of "in force" as conditions of a queryset: those of the SQL functions in `sql/periods.sql`.

The functions do the same in statements. A queryset that compares with the clock does not call them: PostgreSQL puts
a function's condition into a statement only without volatile arguments, and would call it for each row.
"""

from datetime import datetime

from django.db.models import Q

from apps.core.querysets import Clock


def in_force(at: datetime, *, of: str = "") -> Q:
    """In force in the state just before `at`. `of`: the relation whose `starts_at` and `ends_at` are meant."""
    # The borders differ from the next function on purpose; `sql/periods.sql` has the reason.
    return _period(of, starts_at__lt=at, ends_at__gte=at)


def in_force_from(at: datetime | Clock, *, of: str = "") -> Q:
    """In force at `at` itself and after it. `of`: the relation whose `starts_at` and `ends_at` are meant."""
    return _period(of, starts_at__lte=at, ends_at__gt=at)


def _period(relation: str, **conditions: datetime | Clock) -> Q:
    prefix = f"{relation}__" if relation else ""
    return Q(**{f"{prefix}{lookup}": at for lookup, at in conditions.items()})
