"""The encrypted search text in an address of the contact list, readable by its employee alone (ADR 55).

The text may be a person's phone number, and histories, logs and bookmarks keep addresses. The server stores no state:
the next page, another order and a reload find the same text.
"""

from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken, MultiFernet

from apps.core.encryption import fernet_for
from apps.employees.models import Employee

LASTS = timedelta(days=1)


class Unreadable(Exception):
    """A token that is expired, belongs to another employee, or is invalid."""


def seal(text: str, *, reader: Employee, at: datetime) -> str:
    """The encrypted text for an address; an empty text stays empty."""
    return _seal(reader).encrypt_at_time(text.encode(), int(at.timestamp())).decode() if text else ""


def unseal(token: str, *, reader: Employee, at: datetime) -> str:
    """The text that was encrypted for this employee within a day. Raises Unreadable."""
    if not token:
        return ""
    try:
        opened = _seal(reader).decrypt_at_time(token.encode(), int(LASTS.total_seconds()), int(at.timestamp()))
    except InvalidToken as unreadable:
        raise Unreadable from unreadable
    return opened.decode()


def _seal(reader: Employee) -> MultiFernet:
    # A key for each employee: a shared address reveals nothing to its receiver.
    return fernet_for(f"contact search {reader.pk}")
