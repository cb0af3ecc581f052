"""Pages of lists: every row appears on exactly one page, and a made-up address shows none."""

from datetime import timedelta

import pytest
from django.db.models import QuerySet

from apps.core.clock import db_now
from apps.core.cursors import InvalidCursor, Page, decode_cursor, encode_cursor, paginate
from apps.core.models import AuditEntry

pytestmark = pytest.mark.django_db
ORDERS = [("-pk",), ("-at", "-pk"), ("at", "pk"), ("-action", "at", "-pk")]


@pytest.fixture
def entries() -> QuerySet[AuditEntry]:
    """Eleven entries, of which several have the same instant and action."""
    now = db_now()
    for n in range(11):
        AuditEntry.objects.create(action=f"test.{n % 2}", actor_label="x", at=now + timedelta(seconds=n // 4))
    return AuditEntry.objects.filter(action__startswith="test.")


def page(entries: QuerySet[AuditEntry], order: tuple[str, ...], after: str = "", size: int = 3) -> Page:
    return paginate(entries, *order, listing="entries", after=after, size=size)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 3, 11, 50])
def test_every_row_is_on_one_page(entries: QuerySet[AuditEntry], order: tuple[str, ...], size: int) -> None:
    pages = [page(entries, order, size=size)]
    while pages[-1].next:
        pages.append(page(entries, order, pages[-1].next, size))
    assert [row.pk for shown in pages for row in shown.rows] == [row.pk for row in entries.order_by(*order)]
    assert all(shown.rows for shown in pages), "no page is empty"


def test_a_row_that_vanishes_between_two_pages_skips_none(entries: QuerySet[AuditEntry]) -> None:
    first = page(entries, ("-pk",))
    remaining = entries.exclude(pk=first.rows[-1].pk)
    assert page(remaining, ("-pk",), first.next).rows[0] == entries.order_by("-pk")[3]


def test_a_token_of_another_list_or_an_invented_one_is_refused(entries: QuerySet[AuditEntry]) -> None:
    for token in ("17", "Wy0xMDAwMDAwLCAiIl0", "é", "\0", "x" * 5000, encode_cursor("other", [17])):
        with pytest.raises(InvalidCursor):
            page(entries, ("-pk",), token)


def test_an_address_shows_no_name() -> None:
    token = encode_cursor("contacts", ["Wanda Outsider", 17])
    assert "Wanda" not in token
    assert decode_cursor("contacts", token) == ["Wanda Outsider", 17]
