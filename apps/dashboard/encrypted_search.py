"""What somebody searches for among the own contacts, as it stands in an address: sealed, for the reader alone (ADR 55).

It may be somebody's phone, and addresses are kept in histories, logs and bookmarks. No state is kept for it: a page
further, another order and a reload find the same.
"""

from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken, MultiFernet

from apps.core.encryption import fernet_for
from apps.employees.models import Employee

LASTS = timedelta(days=1)


class Unreadable(Exception):
    """Too old, somebody else's, or nobody's."""


def seal(text: str, *, reader: Employee, at: datetime) -> str:
    """The text as it may stand in an address; an empty one stays empty."""
    return _seal(reader).encrypt_at_time(text.encode(), int(at.timestamp())).decode() if text else ""


def unseal(token: str, *, reader: Employee, at: datetime) -> str:
    """The text that was sealed for this reader within a day. Raises Unreadable."""
    if not token:
        return ""
    try:
        opened = _seal(reader).decrypt_at_time(token.encode(), int(LASTS.total_seconds()), int(at.timestamp()))
    except InvalidToken as unreadable:
        raise Unreadable from unreadable
    return opened.decode()


def _seal(reader: Employee) -> MultiFernet:
    # A key for each reader: an address that is passed on tells its receiver nothing.
    return fernet_for(f"contact search {reader.pk}")
