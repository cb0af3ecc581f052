"""Checks of a staged roster against the database: rows that are rejected, and reasons that refuse the whole file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import Error

from apps.core.audit import Actor
from apps.core.errors import Refused
from apps.core.locks import QUERY_CANCELED
from apps.core.sql import statement
from apps.roster.parser import Reject, Roster
from apps.roster.unknown_managers import UNKNOWN, with_causes

CYCLE, OVERLAP, TOO_DEEP = "23H01", "23H02", "23H06"
LOADER_LEAVES = statement("roster", "load", "loader_leaves")
GIVE_UP_EMAILS = statement("roster", "rejects", "give_up_emails")
REJECT_ENDS_BEFORE_STARTS = statement("roster", "rejects", "reject_ends_before_starts")
REJECT_MISLEADING_NUMBERS = (
    statement("roster", "rejects", "reject_numbers_with_at"),
    statement("roster", "rejects", "reject_taken_logins"),
)
REJECT_TAKEN_EMAILS = statement("roster", "rejects", "reject_taken_emails")
REJECT_UNKNOWN_MANAGERS = statement("roster", "rejects", "reject_unknown_managers")
CLEAR_UNKNOWN_MANAGERS = statement("roster", "rejects", "clear_unknown_managers")
CREATE_NEEDS = statement("roster", "rejects", "create_needs")
REJECT_DEPENDENTS = statement("roster", "rejects", "reject_dependents")
DEEPEST_EMPLOYEE = statement("roster", "rejects", "deepest_employee")
MANAGERS_ABOVE = statement("roster", "rejects", "managers_above")


class UnloadableRoster(ValueError):
    """The whole file cannot be loaded; nothing was changed. `people`: the staff numbers that `code` is about."""

    def __init__(self, message: str, code: str = "", people: Sequence[str] = ()):
        super().__init__(message)
        self.code, self.people = code, list(people)


@contextmanager
def unloadable_errors() -> Iterator[None]:
    """Raise UnloadableRoster for refusals, and for errors of the database's triggers that name people."""
    try:
        yield
    except Error as error:
        if unloadable := _unloadable(error):
            raise unloadable from error
        raise
    except Refused as error:
        raise UnloadableRoster(error.message, f"approval_{error.code}") from error


def _unloadable(error: Error) -> UnloadableRoster | None:
    """Translate a database error that is about the file."""
    code, detail = getattr(error.__cause__, "pgcode", ""), getattr(error.__cause__, "diag", None)
    if code == CYCLE and detail:
        return _cycle(detail.message_detail.split(" > "))
    if code == TOO_DEEP and detail:
        return _too_deep(detail.message_detail)
    if code == OVERLAP and detail:
        return UnloadableRoster(f"two periods of {detail.message_detail} overlap", "overlap", [detail.message_detail])
    if code == QUERY_CANCELED:
        return UnloadableRoster("a statement took too long, or an administrator cancelled it", "too_slow")
    return None


def refuse_deep_chains(cursor: Any) -> None:
    """Refuse a cycle or too many levels among new employees before locking or writing."""
    cursor.execute(DEEPEST_EMPLOYEE)
    deepest = cursor.fetchone()
    if deepest is None:
        return
    cursor.execute(MANAGERS_ABOVE, {"staff_no": deepest[0]})
    chain = [staff_no for (staff_no,) in cursor.fetchall()]
    # The chain ends in a cycle exactly when an employee occurs in it twice.
    again = next((number for place, number in enumerate(chain) if number in chain[:place]), None)
    if again is None:
        raise _too_deep(chain[-1])
    first = chain.index(again)
    raise _cycle(chain[first : chain.index(again, first + 1) + 1])


def _cycle(people: list[str]) -> UnloadableRoster:
    return UnloadableRoster(f"a reporting cycle, each reports to the next: {' > '.join(people)}", "cycle", people)


def _too_deep(manager: str) -> UnloadableRoster:
    return UnloadableRoster(f"more than 100 levels of managers are below {manager}", "too_deep", [manager])


def refuse_own_leaving(cursor: Any, by: Actor, now: datetime) -> None:
    """Refuse a file that ends the employment of the account loading it.

    Such a file is probably wrong, and that account could not undo it.
    """
    cursor.execute(LOADER_LEAVES, {"by": by.id, "now": now})
    if cursor.fetchone()[0]:
        raise UnloadableRoster("this file would end the employment of the person who loads it", "yourself")


def reject_rows(cursor: Any, now: datetime, roster: Roster) -> tuple[list[Reject], list[tuple[int, str]]]:
    """Reject rows that cannot be loaded, and the rows that depend on them; returns all rejects of the file.

    Also returns (line, manager) of rows loaded without the unknown manager they name.
    """
    cursor.execute(GIVE_UP_EMAILS, {"now": now})
    rejects: list[Reject] = []
    managers = not roster.without_unknown_managers
    queries = [REJECT_ENDS_BEFORE_STARTS, *REJECT_MISLEADING_NUMBERS, REJECT_TAKEN_EMAILS]
    if managers:
        queries.append(REJECT_UNKNOWN_MANAGERS)
    for query in queries:
        cursor.execute(query, {"now": now})
        rejects += [Reject(*row) for row in cursor.fetchall()]
    if rejects:
        cursor.execute(CREATE_NEEDS, {"now": now, "managers": managers})
        cursor.execute(REJECT_DEPENDENTS)
        rejects += [Reject(*row) for row in cursor.fetchall()]
        # REJECT_DEPENDENTS turned it off for its own statement.
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")
    if managers:
        return _explained(roster, rejects), []
    cursor.execute(CLEAR_UNKNOWN_MANAGERS)
    return _explained(roster, rejects), sorted(cursor.fetchall())


def _explained(roster: Roster, refused: list[Reject]) -> list[Reject]:
    """All rejects; those below an unknown manager refer to the row that caused them."""
    rejects = [*roster.rejects, *refused]
    if not any(reject.code == UNKNOWN for reject in refused):
        return rejects
    people = [*roster.staged.rejected(), *roster.staged.on_lines([reject.line for reject in refused])]
    return with_causes(rejects, people)
