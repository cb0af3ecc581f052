"""When access ends in a transaction that changes employments or addresses (ADR 65)."""

from django.db import connection


def defer_access_endings() -> None:
    """From here on, this transaction ends access only at its commit, so it locks accounts and sessions last.

    For transactions that write employments early: otherwise the sign-ins and sessions of these people would wait.
    """
    _set_constraint("DEFERRED")


def carry_out_access_endings() -> None:
    """Carry out the deferred endings. Call it as the last step; otherwise the commit does it."""
    _set_constraint("IMMEDIATE")


def _set_constraint(when: str) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("outside a transaction this would apply to nothing")
    with connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS accounts_ending_due {when}")
