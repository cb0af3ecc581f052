"""A form brings back whom its page showed: no person is added, and no text of a stranger costs memory."""

import base64
import zlib

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.sql import compose, fetch_all
from apps.notifications.reminders.id_sets import MAX_BYTES, IdSet

MEMBER = """SELECT CASE WHEN {id} BETWEEN {first} AND {first} + 8 * octet_length({bits}) - 1
    THEN get_bit({bits}, {id}::bigint - {first}) = 1 ELSE false END"""


@settings(max_examples=200, deadline=None)
@given(st.sets(st.integers(1, 200_000)))
def test_a_set_comes_back_unchanged(ids: set[int]) -> None:
    assert IdSet.decode(IdSet.of(ids).encode()) == IdSet.of(ids)


@pytest.mark.django_db
def test_the_database_finds_exactly_the_members() -> None:
    ids, wanted = range(1, 60), {3, 8, 9, 16, 31, 47}
    shown = IdSet.decode(IdSet.of(wanted).encode())
    connection.ensure_connection()
    found = {n for n in ids if fetch_all(compose(MEMBER, id=n, first=shown.first, bits=shown.bits))[0][0]}
    assert found == wanted


def test_fifty_thousand_people_are_some_kilobytes() -> None:
    assert len(IdSet.of(range(1, 50_001)).encode()) < 1_000
    assert len(IdSet.of({n for n in range(1, 50_001) if n * n % 7 in (1, 2) or n % 11 == 3}).encode()) < 10_000


def packed(data: bytes) -> str:
    return "1." + base64.urlsafe_b64encode(data).decode()


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "x", "1.", "1.!", "-1.eJxjAAAAAQAB", "٣.eJxjAAAAAQAB", "9" * 30 + ".eJxjAAAAAQAB", packed(b"no zlib"),
        packed(zlib.compress(b"\1" * 100)[:-9]), packed(zlib.compress(bytes(MAX_BYTES + 1))), "1." + "A" * 3_000_000,
        "1.é",
    ],
)  # fmt: skip
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        IdSet.decode(text)


def test_ids_too_far_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="far apart"):
        IdSet.of([1, 9 * MAX_BYTES])
