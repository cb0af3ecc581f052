"""When the access of people whose employment or address a transaction changes ends."""

from django.db import connection


def defer_access_endings() -> None:
    """From here on this transaction ends access, and so locks accounts and sessions, only when it is about to commit.

    For transactions that write employments early: sign-ins and sessions of these people would wait for them.
    """
    _set_constraint("DEFERRED")


def carry_out_access_endings() -> None:
    """Carry out the deferred endings. The last step before the commit, which would otherwise do it."""
    _set_constraint("IMMEDIATE")


def _set_constraint(when: str) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("outside a transaction this would apply to nothing")
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS accounts_ending_due {when}")
