"""The encrypted search text in an address of the contact list, readable by its employee alone (ADR 55).

The text may be a person's phone number, and histories, logs and bookmarks keep addresses. The server stores no state:
the next page, another order and a reload find the same text.
"""

from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken, MultiFernet

from apps.core.encryption import fernet_for
from apps.employees.models import Employee

TOKEN_LIFETIME = timedelta(days=1)


class UnreadableToken(Exception):
    """A token that is expired, belongs to another employee, or is invalid."""


def encrypt_search(text: str, *, reader: Employee, at: datetime) -> str:
    """The encrypted text for an address; an empty text stays empty."""
    # The given instant, not the process clock: the token's age is compared with the same clock at reading.
    return _fernet(reader).encrypt_at_time(text.encode(), int(at.timestamp())).decode() if text else ""


def decrypt_search(token: str, *, reader: Employee, at: datetime) -> str:
    """The text that was encrypted for this employee within a day. Raises UnreadableToken."""
    if not token:
        return ""
    try:
        opened = _fernet(reader).decrypt_at_time(
            token.encode(), int(TOKEN_LIFETIME.total_seconds()), int(at.timestamp())
        )
    except InvalidToken as error:
        raise UnreadableToken from error
    return opened.decode()


def _fernet(reader: Employee) -> MultiFernet:
    # A key for each employee: a shared address reveals nothing to its receiver.
    return fernet_for(f"contact search {reader.pk}")
