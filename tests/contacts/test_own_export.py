"""The export of an employee's own list: complete, only their own, and safe in a spreadsheet.

An import of the file finds the same people.
"""

import csv
import io
import re
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.contacts.columns import PersonReader, recognise
from apps.contacts.drafts import Draft
from apps.contacts.models import Contact, ContactIdentity, Source
from apps.contacts.own_export import own_csv, own_vcards
from apps.contacts.services.submissions import submit
from apps.core.text import clean_text
from apps.employees.models import Employee
from apps.fileio.vcards.reader import read_cards
from apps.fileio.vcards.writer import write_card
from tests.people import TESTER, record, record_one

Export = Callable[[Employee], Iterator[bytes]]
EXPORTS = [own_csv, own_vcards]
DANGEROUS = re.compile(r"^[\s\"'＂＇‘’“”]*[=+\-@\t\r＝＋－＠]")


def rows(employee: Employee) -> list[list[str]]:
    content = b"".join(own_csv(employee))
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def read_back(export: Export, employee: Employee) -> list[Draft]:
    """Return the people in an employee's file, as an import reads them."""
    if export is own_csv:
        header, *lines = rows(employee)
        layout = PersonReader(recognise(header))
        return [Draft(*layout.person(line)) for line in lines]
    cards = list(read_cards(io.BytesIO(b"".join(own_vcards(employee)))))
    assert [card.problem for card in cards if card.problem] == []
    return [Draft(card.name, card.identities) for card in cards]


def kept(employee: Employee) -> list[list[tuple[str, str]]]:
    """Return the identities of an employee's live contacts, sorted, oldest contact first."""
    contacts = Contact.objects.of(employee).live().order_by("recorded_at", "id")
    return [
        sorted(ContactIdentity.objects.filter(contact=contact).values_list("kind", "value")) for contact in contacts
    ]


def test_the_csv_opens_right_in_a_spreadsheet(alice: Employee) -> None:
    record_one(alice, ("phone", "13812345678"), ("phone", "13812345679"), ("email", "w@x.example.org"), name="王, 五")
    record_one(alice, ("handle", "@vera"), name='Vera "V"')
    content = b"".join(own_csv(alice))
    times = [one.recorded_at.isoformat() for one in Contact.objects.of(alice).order_by("recorded_at", "id")]
    assert content.decode() == (
        "\ufeffname,phone,phone 2,email,handle,recorded_at,source\r\n"
        f"\"王, 五\",'+8613812345678,'+8613812345679,w@x.example.org,,{times[0]},page\r\n"
        f'"Vera ""V""",,,,vera,{times[1]},page\r\n'
    )


def test_the_vcards_are_what_address_books_take(alice: Employee, settings: Any) -> None:
    settings.HANDLE_PATTERN = r"\S+"
    record_one(alice, ("phone", "13812345678"), ("email", "w@x.example.org"), ("handle", "wu;5"), name="王; 五")
    record_one(alice, ("handle", "vera"), name="")
    assert b"".join(own_vcards(alice)).decode() == (
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:王\\; 五\r\nN:;王\\; 五;;;\r\nTEL;VALUE=uri:tel:+8613812345678\r\n"
        "EMAIL:w@x.example.org\r\nX-HUNDRED-HANDLE:wu\\;5\r\nEND:VCARD\r\n"
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:vera\r\nN:;;;;\r\nX-HUNDRED-HANDLE:vera\r\nEND:VCARD\r\n"
    )


def test_an_empty_list_has_its_header(alice: Employee) -> None:
    assert rows(alice) == [["name", "phone", "email", "handle", "recorded_at", "source"]]
    assert list(own_vcards(alice)) == []


@pytest.mark.parametrize("export", EXPORTS)
def test_nobody_elses_ended_or_erased_contact_is_in_a_file(alice: Employee, alan: Employee, export: Export) -> None:
    record_one(alan, ("handle", "alans"))
    for handle in ("stays", "ended", "erased"):
        record_one(alice, ("handle", handle), ("email", f"{handle}@x.example.org"), name=handle)
    ended, erased = (Contact.objects.get(name=name) for name in ("ended", "erased"))
    Contact.objects.filter(pk=ended.pk).update(ended_at=ended.stored_at, end_reason="removed")
    Contact.objects.filter(pk=erased.pk).update(name=None)
    ContactIdentity.objects.filter(contact=erased).update(value=None)
    [left] = read_back(export, alice)
    assert (left.name, set(left.identities)) == ("stays", {("email", "stays@x.example.org"), ("handle", "stays")})


@pytest.mark.parametrize("export", EXPORTS)
def test_a_file_loaded_again_records_nobody_twice(alice: Employee, export: Export) -> None:
    record(alice, 30)
    record_one(alice, ("phone", "13812345678"), ("phone", "+12024561111"), ("handle", "a.b"), ("handle", "c-d"))
    report = submit(employee=alice, drafts=read_back(export, alice), source=Source.CSV, by=TESTER)
    assert {outcome.code for outcome in report.outcomes} == {"duplicate"}
    assert len(report.outcomes) == 31


TRICKY = st.text(alphabet=st.sampled_from("ab ,;:\"'\\=+-@\t\r\n\x0b\x85\u2028\u3000＝王艾é😀👩‍👧%{}nN"), max_size=60)
HANDLES = st.text(alphabet=st.sampled_from("ab1.;,-=+_王é"), min_size=1, max_size=30).map(lambda text: f"h{text}")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(TRICKY, min_size=1, max_size=3), handles=st.lists(HANDLES, min_size=1, max_size=3, unique=True))
def test_everybody_comes_back_as_they_were(alice: Employee, names: list[str], handles: list[str]) -> None:
    before = connection.savepoint()
    for n, name in enumerate(names):
        reach = [("handle", f"{n}{text}") for text in handles]
        record_one(alice, *reach, ("phone", f"1381234567{n}"), ("email", f"o'neil+{n}@x.example.org"), name=name)
    stored = list(Contact.objects.of(alice).order_by("recorded_at", "id").values_list("name", flat=True))
    for export in EXPORTS:
        drafts = read_back(export, alice)
        assert [sorted(draft.identities) for draft in drafts] == kept(alice)
        for draft, name in zip(drafts, stored, strict=True):
            assert clean_text(draft.name) == (name or ("" if export is own_csv else draft.name))
    for row in rows(alice):
        assert not any(DANGEROUS.match(cell) and not cell.startswith("'") for cell in row)
        assert not any("\n" in cell or "\r" in cell for cell in row)
    connection.savepoint_rollback(before)


@given(TRICKY)
def test_no_line_of_a_card_is_longer_than_the_standard_says(text: str) -> None:
    for line in write_card(text * 5, [("handle", text * 3)]).split(b"\r\n"):
        assert len(line) <= 75
        line.decode()


@pytest.mark.parametrize("before", range(80))
def test_a_name_that_reads_as_the_end_of_a_card_ends_none(before: int) -> None:
    name = "x" * before + "END:VCARD"
    [card] = read_cards(io.BytesIO(write_card(name, [("handle", "a")])))
    assert (card.name, card.identities, card.problem) == (name, (("handle", "a"),), "")


@pytest.mark.parametrize("export", EXPORTS)
def test_a_long_list_costs_no_more_queries_and_leaves_in_small_pieces(alice: Employee, export: Export) -> None:
    record(alice, 3)
    with CaptureQueriesContext(connection) as few:
        assert sum(1 for _ in export(alice))
    record(alice, 900)
    with CaptureQueriesContext(connection) as many:
        sizes = [len(piece) for piece in export(alice)]
    assert len(many) == len(few)
    assert max(sizes) < 40_000 < sum(sizes)


@pytest.mark.parametrize("export", EXPORTS)
def test_memory_stays_flat_however_long_the_list_is(
    alice: Employee, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.contacts.own_export.CHUNK_ROWS", 50)

    def peak() -> int:
        tracemalloc.start()
        try:
            for _ in export(alice):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    record(alice, 300)
    peak()
    short = peak()
    record(alice, 1_500)
    assert peak() < short + 300_000
