"""A small file costs a worker seconds and blocks no other file; each preview is audited."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection

from apps.core import previews
from apps.core.clock import db_now
from apps.core.models import AuditEntry, StoredFile
from apps.employees.models import Employee
from apps.fileio.csv_reader import Table
from apps.privacy.erase_person import forgetting
from apps.roster import imports, loading
from apps.roster.loading import RosterRefused
from apps.roster.models import RosterImport
from apps.roster.parser import read_roster
from tests.fixtures import Clock
from tests.people import ROSTER, TESTER, load, officer
from tests.roster.test_imports import NEXT
from tests.rosters import looked, worked

State = RosterImport.State
HEADER = "staff_no,name,email,manager_staff_no\n"


def test_a_name_that_thousands_have_is_explained_once(noon: Clock) -> None:
    rows = "".join(f"z{number:06},Bob Bob,z{number}@z.example,Bob Bob\n" for number in range(8_000))
    before = time.process_time()
    roster = read_roster(Table(io.StringIO(HEADER + rows)))
    assert time.process_time() - before < 10
    assert len(roster.rejects) == 8_000
    assert roster.rejects[0].about == "Bob Bob: z000000, z000001, z000002, …"


def test_numbers_that_differ_by_case_alone_are_compared_once(noon: Clock) -> None:
    numbers = ["".join(letters) for letters in product(*(letter + letter.upper() for letter in "abcdefghijklm"))]
    rows = "".join(f"{number},New,n{place}@corp.example.com,\n" for place, number in enumerate(numbers))
    before = time.monotonic()
    result = load(HEADER + rows, dry_run=True)
    assert time.monotonic() - before < 15
    assert (result.created, len(result.rejects)) == (1, len(numbers) - 1)
    assert {reject.about for reject in result.rejects} == {numbers[0]}


def test_leavers_with_one_address_are_compared_once(noon: Clock) -> None:
    rows = "".join(f"N{9_999 - number},New,shared@corp.example.com,2020-01-01\n" for number in range(8_000))
    before = time.monotonic()
    result = load("staff_no,name,email,left_on\n" + rows, dry_run=True)
    assert time.monotonic() - before < 15
    assert result.created == 8_000


@pytest.mark.parametrize(("first", "code"), [("N0", "cycle"), ("", "too_deep")])
def test_new_managers_without_end_are_refused_before_anything_is_written(
    first: str, code: str, noon: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard of placements once took minutes for these rows and blocked the recording of contacts."""
    monkeypatch.setattr(loading, "_change_people", lambda *_: pytest.fail("something was written"))
    rows = [f"N{number},New,n{number}@corp.example.com,N{number - 1}" for number in range(1, 400)]
    top = "N2" if first else ""
    rows.append(f"N0,New,n0@corp.example.com,{top}")
    with pytest.raises(RosterRefused) as refused:
        load(HEADER + "\n".join(rows))
    assert refused.value.code == code
    if code == "cycle":
        assert sorted(set(refused.value.people)) == ["N0", "N1", "N2"]


def _row_versions() -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, xmax::text FROM employees_employee")
        return dict(cursor.fetchall())


def test_a_preview_locks_nobody_whom_it_does_not_change(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, during, difference = _row_versions(), {}, loading.difference

    def spy(**options: Any) -> Any:
        during.update(_row_versions())
        return difference(**options)

    monkeypatch.setattr(loading, "difference", spy)
    looked(ROSTER + "N001,Nina,nina@corp.example.com,,Sales,B001\n")
    assert {pk: version for pk, version in during.items() if pk in before} == before


def test_each_look_stands_in_the_trail(company: dict[str, Employee]) -> None:
    shown = looked(NEXT)
    [entry] = AuditEntry.objects.filter(action="roster.previewed")
    assert (entry.subject_id, entry.subject_label) == (str(shown.pk), "roster.csv")
    assert entry.detail == {"lines": shown.report["read"]}


@pytest.mark.parametrize("large", [False, True])
def test_one_file_of_an_account_and_one_large_one_are_read_at_a_time(
    large: bool, company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    by = officer("hr-1")
    waiting = imports.receive_upload(name="roster.csv", content=[ROSTER.encode()], by=by)
    if large:
        StoredFile.objects.filter(pk=waiting.file_id).update(size=previews.LARGE_BYTES + 1)
    taken = {previews.LARGE_FILE if large else f"preview:{by.id}"}

    @contextmanager
    def lock(name: str, **_: Any) -> Iterator[bool]:
        yield name not in taken

    monkeypatch.setattr(imports, "advisory_lock", lock)
    assert not imports.process_load(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts) == (State.LOOKING, 0)
    first = imports.receive_upload(name="other.csv", content=[ROSTER.encode()], by=by)
    assert waiting.pk in imports.next_loads(first.pk)
    taken.clear()
    assert imports.process_load(waiting.pk)
    assert worked(waiting).state == State.LOOKED


def test_a_difference_that_nobody_confirms_goes_with_its_upload(company: dict[str, Employee]) -> None:
    shown = looked(NEXT)
    assert shown.difference is not None
    assert shown.difference.expires_at is not None
    assert shown.difference.expires_at - db_now() < timedelta(days=2)
    assert imports.confirm(shown, digest=shown.digest, by=TESTER)
    kept = StoredFile.objects.get(pk=shown.difference_id)
    assert kept.expires_at is not None
    assert kept.expires_at - db_now() > timedelta(days=80)


def test_an_erasure_leaves_the_differences_of_rosters_alone(company: dict[str, Employee]) -> None:
    """Differences hold employees, never contacts, and show for months what a load changed."""
    shown = looked(NEXT)
    assert {shown.file_id, shown.difference_id} <= set(forgetting(()).spared)
