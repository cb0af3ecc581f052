"""A small file costs a worker seconds and blocks no other file; each preview is audited."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from apps.accounts.models import BrowserSession
from apps.accounts.services import account_for
from apps.core import enqueue, previews, statistics
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.files import store_file
from apps.core.locks import FACTS_LOCK, TREE_LOCK, begin_roster_preview
from apps.core.models import AuditEntry, StoredFile
from apps.employees.models import Employee, Placement
from apps.employees.org_tree import roster_version
from apps.fileio.csv_reader import Table
from apps.operations import tasks
from apps.privacy.erase_person import erasure_target
from apps.roster import import_processing, imports, load_writing, loading, undo
from apps.roster.load_checks import UnloadableRoster
from apps.roster.models import RosterImport
from apps.roster.parser import read_roster
from tests.crowd import meanwhile
from tests.fixtures import Clock
from tests.people import PASSWORD, ROSTER, TESTER, approve, load, officer, person, record, with_account
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


def test_lines_that_share_an_address_share_a_reason(noon: Clock) -> None:
    """Otherwise a file of 28 MB takes gigabytes: each line repeated the longest names of its address."""
    name = "𠀀" * 200
    rows = "".join(f"{name if number < 4 else 'n'},{number:064},same@corp.example.com,\n" for number in range(2_000))
    roster = read_roster(Table(io.StringIO("name,staff_no,email,manager_staff_no\n" + rows)))
    assert len(roster.rejects) == 2_000
    assert len({id(reject.reason) for reject in roster.rejects}) <= 4
    assert max(len(reject.reason) for reject in roster.rejects) < 500


def test_the_file_of_a_load_is_deleted_when_it_is_applied_or_refused(
    company: dict[str, Employee],
) -> None:
    """Otherwise files that change nothing fill the database, as fast as a worker reads them."""
    for failing in (False, True):
        shown = looked(NEXT)
        former = shown.difference_id
        imports.refresh_preview(shown, complete=False)
        worked(shown)
        assert not StoredFile.objects.filter(pk=former).exists(), "the difference of an earlier preview"
        assert imports.confirm(shown, digest=shown.digest, by=TESTER)
        if failing:
            RosterImport.objects.filter(pk=shown.pk).update(attempts=import_processing.ATTEMPTS)
        done = worked(shown)
        assert (done.state, done.file) == (State.REFUSED if failing else State.DONE, None)
        # Only that of an applied load is kept: it says what changed.
        assert (done.difference is None) == failing


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
    monkeypatch.setattr(load_writing, "write_rows", lambda *_: pytest.fail("something was written"))
    rows = [f"N{number},New,n{number}@corp.example.com,N{number - 1}" for number in range(1, 400)]
    top = "N2" if first else ""
    rows.append(f"N0,New,n0@corp.example.com,{top}")
    with pytest.raises(UnloadableRoster) as refused:
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


# Tables that nobody waits for: the transaction's own rows, and the tree's version.
OWN_ROWS = {"accounts_accessending", "core_outbox", "core_rowchange", "core_setting"}
# Locks of statements that write or lock rows.
ROWS_LOCKED = """SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND mode IN ('RowShareLock', 'RowExclusiveLock') AND relkind = 'r'
      AND relnamespace = 'public'::regnamespace"""


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_the_accounts_of_people_whom_a_preview_or_an_unjudged_load_ends(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Otherwise one HR user keeps everybody from signing in, with a file that two persons would have to approve."""
    settings.ROSTER_APPROVAL_SHARE = 0.05
    load(ROSTER)
    with_account(person("A001"))
    browser = Client()
    assert browser.post("/login/", {"username": "A001", "password": PASSWORD}).status_code == 302
    written: list[set[str]] = []

    def noting(judge: Callable[..., Any]) -> Callable[..., Any]:
        def judging(*arguments: Any, **options: Any) -> Any:
            with connection.cursor() as cursor:
                cursor.execute(ROWS_LOCKED)
                tables = {name for (name,) in cursor.fetchall()}
            written.append({name for name in tables if not name.startswith(("employees_", "roster_"))})
            return judge(*arguments, **options)

        return judging

    for module in (loading, undo):
        monkeypatch.setattr(module, "count_effect", noting(module.count_effect))
    monkeypatch.setattr(loading, "difference", noting(loading.difference))
    done = looked("staff_no,name,email\nD001,Dana 董,dana@corp.example.com\n", complete=True)
    assert imports.confirm(done, digest=done.digest, by=officer("hr-1"), leavers=imports.leavers_to_type(done))
    assert worked(done).state == State.REQUESTED
    assert browser.get("/").status_code == 200
    approve()
    assert worked(done).state == State.DONE
    assert BrowserSession.objects.count() == 0, "the access ends with the load"
    undo.undo_or_request(load_id=done.pk, by=officer("hr-1"))
    assert len(written) >= 5
    assert set().union(*written) <= OWN_ROWS


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
    taken = {previews.LARGE_FILE_LOCK if large else previews.owner_lock(by.id)}

    @contextmanager
    def lock(name: str, **_: Any) -> Iterator[bool]:
        yield name not in taken

    monkeypatch.setattr(import_processing, "advisory_lock", lock)
    assert not import_processing.process_load(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts) == (State.PREVIEWING, 0)
    first = imports.receive_upload(name="other.csv", content=[ROSTER.encode()], by=by)
    assert waiting.pk in import_processing.next_loads(first.pk)
    taken.clear()
    assert import_processing.process_load(waiting.pk)
    assert worked(waiting).state == State.PREVIEWED


def test_an_account_has_few_unconfirmed_files(company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the previews of one HR user's files keep every other change of the roster waiting."""
    monkeypatch.setattr(imports, "MAX_UNCONFIRMED", 2)
    by, others = officer("hr-1"), officer("hr-2")
    other = imports.receive_upload(name="theirs.csv", content=[ROSTER.encode()], by=others)
    loads = [imports.receive_upload(name=f"{n}.csv", content=[ROSTER.encode()], by=by) for n in range(3)]
    for received in (other, *loads):
        received.refresh_from_db()
    assert [received.file_id is None for received in (other, *loads)] == [False, True, False, False]
    assert worked(loads[0]).report["problem"]["code"] == "lost"


def test_large_rosters_and_contact_files_take_turns(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the rosters of one account keep every employee's large file from being read."""
    order: list[str] = []
    rosters = [imports.receive_upload(name=f"{n}.csv", content=[ROSTER.encode()], by=officer("hr-1")) for n in range(3)]
    StoredFile.objects.update(size=previews.LARGE_BYTES + 1)
    contacts = store_file(
        name="c.csv",
        content=[b"x"],
        content_type="contacts/upload",
        expires_at=db_now() + timedelta(days=1),
        owner_id=7,
    )
    StoredFile.objects.filter(pk=contacts.pk).update(size=previews.LARGE_BYTES + 1)
    previews.request_preview(contacts, {})
    monkeypatch.setattr(enqueue, "enqueue_preview", lambda pk: queue.append(lambda: read(pk)))
    monkeypatch.setattr(enqueue, "enqueue_roster_import", lambda pk: queue.append(lambda: tasks.work_on_load(pk)))
    monkeypatch.setattr(
        import_processing, "preview", lambda load, _stored: (order.append(load.file_name), _read_now(load))
    )

    def read(pk: Any) -> None:
        previews.build_preview(
            pk, {"contacts/upload": lambda stored, _asked: order.append(stored.name) or previews.PreviewResult({})}
        )

    queue: list[Callable[[], Any]] = [partial(tasks.work_on_load, roster.pk) for roster in rosters]
    while queue:
        queue.pop(0)()
    assert order[:2] == ["0.csv", "c.csv"]
    for roster in rosters:
        tasks.work_on_load(roster.pk)
    assert sorted(order) == ["0.csv", "1.csv", "2.csv", "c.csv"]


def _read_now(load: RosterImport) -> None:
    RosterImport.objects.filter(pk=load.pk).update(state=State.PREVIEWED)


def test_a_difference_that_nobody_confirms_goes_with_its_upload(company: dict[str, Employee]) -> None:
    shown = looked(NEXT)
    assert shown.difference is not None
    assert shown.difference.expires_at is not None
    assert shown.difference.expires_at - db_now() < timedelta(days=2)
    assert imports.confirm(shown, digest=shown.digest, by=TESTER)
    kept = StoredFile.objects.filter(pk=shown.difference_id)
    assert kept.get().expires_at - db_now() < timedelta(days=2), "a load that is refused later keeps none"
    worked(shown)
    assert kept.get().expires_at - db_now() > timedelta(days=80)


def test_uploads_in_a_loop_do_not_fill_the_database(
    company: dict[str, Employee], hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The site and the contacts of the last hour would stop with it."""
    by = account_for(hr).actor
    monkeypatch.setattr(imports, "MAX_UNCONFIRMED", 1)
    shown = []
    for _time in range(2):
        load = imports.receive_upload(name="r.csv", content=[NEXT.encode()], by=by)
        shown.append(worked(load))
    assert [load.difference_id is not None for load in shown] == [True, True]
    [kept] = StoredFile.objects.filter(content_type="employees/roster-difference").values_list("pk", flat=True)
    assert kept == shown[1].difference_id, "the difference of a file that is gone"
    monkeypatch.setattr("apps.core.files.MAX_UPLOADED_BYTES", 1)
    with pytest.raises(Refused, match="the limit for one person"):
        imports.receive_upload(name="r.csv", content=[NEXT.encode()], by=by)
    imports.receive_upload(name="r.csv", content=[NEXT.encode()], by=TESTER)


def test_an_erasure_leaves_the_differences_of_rosters_alone(company: dict[str, Employee]) -> None:
    """Differences hold employees, never contacts, and show for months what a load changed."""
    shown = looked(NEXT)
    assert {shown.file_id, shown.difference_id} <= set(erasure_target(()).excluded_files)


@pytest.mark.django_db(transaction=True)
def test_a_preview_keeps_no_writer_waiting_and_a_load_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contacts wait for a closing, and that for the facts lock; who joins or leaves by date waits for the tree lock."""
    load(ROSTER)
    held: list[set[int]] = []
    compare = loading.difference

    def looking(**options: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            held.append({lock for (lock,) in cursor.fetchall()} & {FACTS_LOCK, TREE_LOCK})
        return compare(**options)

    monkeypatch.setattr(loading, "difference", looking)
    shown = looked(NEXT)
    assert imports.confirm(shown, digest=shown.digest, by=TESTER)
    assert worked(shown).state == State.DONE
    assert held == [set(), {FACTS_LOCK, TREE_LOCK}]


@pytest.mark.django_db(transaction=True)
def test_a_preview_of_a_roster_that_changes_meanwhile_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    load(ROSTER)
    compare = loading.difference
    changes = [lambda: load("staff_no,name,email\nZ001,Zoe,zoe@corp.example.com\n")]

    def changing(**options: Any) -> Any:
        found = compare(**options)
        while changes:
            with meanwhile(changes.pop()):
                pass
        return found

    monkeypatch.setattr(loading, "difference", changing)
    shown = looked(NEXT)
    assert (shown.state, shown.based_on) == (State.PREVIEWED, roster_version())


@pytest.mark.django_db(transaction=True)
def test_the_database_commits_no_trial() -> None:
    """Without the tree lock, two changes at once could make a reporting cycle."""
    load(ROSTER)

    def trial() -> None:
        with transaction.atomic():
            begin_roster_preview(1_000)
            Placement.objects.filter(employee__staff_no="A001").update(department="Board")

    with pytest.raises(IntegrityError):
        trial()
    assert Placement.objects.get(employee__staff_no="A001").department == "Sales"


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_to_record_while_a_large_change_is_judged(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Otherwise one HR user stops all recording with a file that two persons would have to approve."""
    settings.ROSTER_APPROVAL_SHARE = 0.05
    load(ROSTER)
    by, renamed = officer("hr-1"), ROSTER.replace(",Alice 艾,", ",Alicia,")
    recorded: list[int] = []
    alice = person("A001")

    def recording(judge: Callable[..., Any]) -> Callable[..., Any]:
        def judging(*arguments: Any, **options: Any) -> Any:
            result = judge(*arguments, **options)
            with meanwhile(lambda: recorded.append(record(alice).created)):
                pass
            return result

        return judging

    for name in ("difference", "count_effect"):
        monkeypatch.setattr(loading, name, recording(getattr(loading, name)))
    shown = looked(renamed)
    assert imports.confirm(shown, digest=shown.digest, by=by)
    assert worked(shown).state == State.REQUESTED
    assert recorded == [1, 1, 1], "in the preview, and twice in the load"
    monkeypatch.undo()
    approve()
    assert worked(shown).state == State.DONE
    assert person("A001").name == "Alicia"
    monkeypatch.setattr(undo, "count_effect", recording(undo.count_effect))
    assert undo.undo_or_request(load_id=shown.pk, by=by)
    assert recorded == [1, 1, 1, 1]


def test_a_preview_plans_its_comparison_with_the_rows_it_has_written(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the counts of before, 90,000 new people were compared each with each, for more than an hour."""
    expected: list[float] = []
    compare = loading.difference

    def looking(**options: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'employees_employee'")
            expected.append(cursor.fetchone()[0])
        return compare(**options)

    monkeypatch.setattr(loading, "difference", looking)
    monkeypatch.setattr(statistics, "MIN_ANALYSED_ROWS", 1_000)
    rows = "".join(f"N{number},New,n{number}@corp.example.com,\n" for number in range(1_500))
    assert looked(HEADER + rows).report["created"] == 1_500
    assert expected[0] >= 1_500


def test_a_preview_that_takes_too_long_is_refused_and_says_so(
    company: dict[str, Employee], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the org tree lock, so that no other roster is read and nobody joins or leaves by date."""

    def endless(**_options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")

    monkeypatch.setattr(loading, "difference", endless)
    monkeypatch.setattr(loading, "PREVIEW_STATEMENT_MILLISECONDS", 1_000)
    assert looked(NEXT).report["problem"] == {"code": "too_slow", "about": ""}
