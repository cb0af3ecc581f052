"""A frozen verdict never changes; two HR members together make a new version beside the old one."""

import io
import json
import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction

from apps.accounts import approvals
from apps.accounts.approvals import REQUEST_LIFETIME
from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.campaigns.selectors import restore_while_open
from apps.contacts.services.changes import correct_contact, end_contact, rename_contact
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.exports.standings_export import write_standings
from apps.privacy.retention import retained_campaigns, reviewing_time
from apps.reports.standings_report import Standings
from apps.results import corrections, result_versions
from apps.results.corrections import (
    CorrectionDraft,
    grant_correction,
    open_corrections,
    refuse_correction,
    request_correction,
    withdraw_correction,
)
from apps.results.freeze import freeze
from apps.results.late_facts import late_facts
from apps.results.models import FrozenResult, ResultCorrection
from apps.results.result_files import signature_file
from apps.reviews.linked_decisions import decisions_for
from apps.standings.process_runs import sweep
from apps.standings.report_people import OneEmployee, Team, WholeCompany
from tests import reviewing
from tests.commands import run
from tests.fixtures import Clock
from tests.people import TESTER, adjust, load, person, record, with_account
from tests.results.deadline import verdicts
from tests.standings.moving import attempts, statements

SEED = int(os.environ.get("FAULT_SEED", "4"))


@pytest.fixture
def frozen(campaign: Campaign, alice: Employee, hr: Employee, clock: Clock) -> Campaign:
    """November, frozen with Alice at 99 and all others at 0."""
    record(alice, 99)
    clock.set(campaign.rule.cutoff_at + timedelta(minutes=5), ticks=True)
    assert freeze(campaign=campaign, by=TESTER, wait=False)
    return Campaign.objects.get(pk=campaign.pk)


@pytest.fixture
def helga(hr: Employee) -> Account:
    """The HR member who requests."""
    return account_for(hr)


@pytest.fixture
def second(company: dict[str, Employee]) -> Account:
    """A second HR member, who decides."""
    return account_for(with_account(company["D001"], "hr"))


def ask(campaign: Campaign, by: Account, *wanted: CorrectionDraft) -> ResultCorrection:
    return request_correction(
        campaign=campaign, drafts=wanted or [CorrectionDraft("A001", counted=100)], reason="The feed came late",
        evidence="Ticket 7, with the feed's log", by=by,
    )  # fmt: skip


def seen(campaign: Campaign) -> dict[str, int]:
    """The newest result as all readers see it."""
    rows = Standings(Campaign.objects.get(pk=campaign.pk), WholeCompany()).page(limit=100).rows
    return {row.staff_no: row.counted for row in rows}


# -- D4: nothing moves it -------------------------------------------------------------------------------------------


def test_whatever_happens_to_the_facts_the_result_stays(frozen: Campaign, alice: Employee, alan: Employee) -> None:
    before, signed = verdicts(frozen), FrozenResult.objects.get().digest
    first = alice.contact_set.order_by("pk")[0]
    with pytest.raises(Refused):
        restore_while_open(contact_id=ended_before(alice), employee=alice, by=TESTER)
    end_contact(contact_id=first.pk, employee=alice, by=TESTER)
    rename_contact(contact_id=first.pk, employee=alice, name="X", by=TESTER)
    correct_contact(
        contact_id=alice.contact_set.order_by("pk")[1].pk, employee=alice, identities=[("handle", "new")], by=TESTER
    )
    record(alice, 3)
    record(alan, 120)
    load("staff_no,name,email,left_on,department\nA001,Alice,a@corp.example.com,2026-11-02,Elsewhere\n")
    with pytest.raises(Refused):
        adjust(campaign=frozen, employee=alan, target=1)
    sweep()
    assert verdicts(frozen) == before
    assert seen(frozen)["A001"] == 99
    assert FrozenResult.objects.get().digest == signed
    row = Standings(frozen, OneEmployee(alice)).row_of(alice.pk)
    assert row is not None
    assert (row.department, row.manager_staff_no) == ("Sales", "B001"), "that day's place, not today's"


def ended_before(employee: Employee) -> int:
    """A contact from before the cut-off, with an end to be undone."""
    contact = employee.contact_set.order_by("-pk")[0]
    end_contact(contact_id=contact.pk, employee=employee, by=TESTER)
    return contact.pk


def test_a_late_feed_is_seen_as_a_ground_and_moves_nothing(frozen: Campaign, alice: Employee, tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("staff_no,name,email,recorded_at\nA001,Lee,lee@outside.example.org,2026-11-30T10:00:00+08:00\n")
    assert run("import_contacts", feed, "--trust-times")["created"] == 1
    assert seen(frozen)["A001"] == 99
    [late] = late_facts(FrozenResult.objects.get())
    assert (late.staff_no, late.contacts) == ("A001", 1)


def test_raw_sql_of_the_applications_role_moves_no_verdict(frozen: Campaign) -> None:
    assert attempts(len(statements(frozen, Random(0))), SEED, frozen) == [], f"seed {SEED}"


@pytest.mark.django_db(transaction=True)
def test_mutant_without_the_guards_the_same_statements_do_move_it(
    frozen: Campaign, as_owner: Callable[[str], Any]
) -> None:
    statement = statements(frozen, Random(0))[0]
    as_owner(f"SET session_replication_role = 'replica'; {statement}")
    assert seen(frozen)["A002"] >= 100, "the guards are what holds it"


# -- corrections ----------------------------------------------------------------------------------------------------


def test_a_correction_is_a_new_version_beside_the_old_one(
    frozen: Campaign, helga: Account, second: Account, tmp_path: Path
) -> None:
    asked = ask(frozen, helga, CorrectionDraft("A001", counted=100), CorrectionDraft("A002", exempt=True))
    assert seen(frozen)["A001"] == 99, "asking changes nothing"
    result = grant_correction(correction_id=asked.pk, by=second, answer="Seen the log")
    assert (result.version, result.red) == (2, 7)
    changed = set(verdicts(frozen, 2)) - set(verdicts(frozen, 1))
    assert changed == {("A001", 100, 100, False, False), ("A002", 0, 100, True, False)}
    assert seen(frozen)["A001"] == 100
    first = FrozenResult.objects.get(version=1)
    old = Standings(frozen, WholeCompany(), result=first).page(limit=100).rows
    assert {row.staff_no: row.counted for row in old}["A001"] == 99, "the version before can still be looked at"
    digests = []
    for number in (1, 2):
        file = tmp_path / f"{number}.csv"
        told = run("export_standings", "--campaign", "november", "--result", number, "--output", file)
        assert run("verify_freeze", file)["verified"]
        digests.append(told["digest"])
        assert json.loads((tmp_path / f"{number}.csv.sig").read_text())["result_version"] == number
    assert len(set(digests)) == 2
    actions = list(AuditEntry.objects.filter(subject_kind="correction").values_list("action", "actor_id"))
    who = {"correction.asked": helga.pk, "correction.granted": second.pk, "correction.made": second.pk}
    assert actions == list(who.items())


def test_hr_cannot_grant_their_own_request_or_change_their_own_standing(
    frozen: Campaign, helga: Account, second: Account
) -> None:
    asked = ask(frozen, helga)
    with pytest.raises(Refused):
        grant_correction(correction_id=asked.pk, by=helga)
    with pytest.raises(Refused, match="own standing"):
        ask(frozen, helga, CorrectionDraft("H001", counted=100))
    about_her = ask(frozen, helga, CorrectionDraft("D001", counted=100))
    with pytest.raises(Refused):
        grant_correction(correction_id=about_her.pk, by=second)
    assert FrozenResult.objects.count() == 1


@pytest.mark.parametrize("decider", ["the asker", "somebody without the role", "the one it is about"])
def test_the_database_wants_a_second_person_of_hr_too(
    frozen: Campaign, helga: Account, second: Account, alice: Employee, decider: str
) -> None:
    asked = ask(frozen, helga, CorrectionDraft("D001", counted=100))
    by = {"the asker": helga, "somebody without the role": account_for(alice), "the one it is about": second}[decider]
    with pytest.raises(DatabaseError), transaction.atomic():
        ResultCorrection.objects.filter(pk=asked.pk).update(
            state="granted", decided_at=asked.asked_at, decided_by_id=by.pk, decided_by_label="x", result_version=2
        )


def test_the_requester_withdraws_a_correction_and_nobody_else(
    frozen: Campaign, helga: Account, second: Account
) -> None:
    asked = ask(frozen, helga)
    with pytest.raises(Refused, match="You can refuse it"):
        withdraw_correction(correction_id=asked.pk, by=second)
    withdraw_correction(correction_id=asked.pk, by=helga)
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by_id, asked.result_version) == ("withdrawn", helga.pk, None)
    assert AuditEntry.objects.filter(action="correction.withdrawn", actor_id=helga.pk).count() == 1
    for decide in (partial(withdraw_correction, by=helga), partial(grant_correction, by=second)):
        with pytest.raises(Refused, match="already"):
            decide(correction_id=asked.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        ResultCorrection.objects.filter(pk=ask(frozen, helga).pk).update(
            state="withdrawn", decided_at=asked.decided_at, decided_by_id=second.pk, decided_by_label="x"
        )


@pytest.mark.parametrize(
    ("module", "limit", "staff_numbers"),
    [(approvals, "MAX_REQUESTS_A_DAY", ["A001"]), (corrections, "MAX_BULK_REQUESTS_A_DAY", ["A001", "A002"])],
    ids=["one person", "several people"],
)
def test_withdrawn_requests_count_in_the_number_of_a_day(
    frozen: Campaign, helga: Account, second: Account, clock: Clock, monkeypatch: pytest.MonkeyPatch,
    module: ModuleType, limit: str, staff_numbers: list[str],
) -> None:  # fmt: skip
    """Otherwise one HR user fills the result's page and the database, for none of these rows can be deleted."""
    monkeypatch.setattr(module, limit, 3)
    drafts = [CorrectionDraft(staff_no, counted=100) for staff_no in staff_numbers]
    for _request in range(3):
        withdraw_correction(correction_id=ask(frozen, helga, *drafts).pk, by=helga)
    with pytest.raises(Refused, match="within a day"):
        ask(frozen, helga, *drafts)
    ask(frozen, second, *drafts)
    clock.set(db_now() + timedelta(days=1, minutes=1), ticks=True)
    ask(frozen, helga, *drafts)


def test_a_correction_that_no_one_decides_expires(
    frozen: Campaign, helga: Account, second: Account, clock: Clock, settings: Any
) -> None:
    """Otherwise it takes up a request of its author for ever, and contacts are never erased."""
    settings.RETENTION_DAYS = 1
    asked = ask(frozen, helga)
    assert [status.unsettled for status in retained_campaigns()] == [True]
    clock.set(asked.asked_at + REQUEST_LIFETIME, ticks=True)
    for decide in (
        partial(grant_correction, by=second), partial(refuse_correction, by=second, answer="Too late"),
        partial(withdraw_correction, by=helga),
    ):  # fmt: skip
        with pytest.raises(Refused, match="expired"):
            decide(correction_id=asked.pk)
    assert not open_corrections(clock.now()).exists()
    assert [status.unsettled for status in retained_campaigns()] == [False]


def test_a_renewed_correction_keeps_no_contact_longer(
    frozen: Campaign, helga: Account, clock: Clock, settings: Any
) -> None:
    """Otherwise two HR users keep the contacts for ever: one requests a correction anew before the other expires."""
    settings.RETENTION_DAYS = settings.RETENTION_LEAVER_DAYS = 1
    reviews_end = frozen.rule.cutoff_at + reviewing_time()
    last_day = retained_campaigns()[0].until - timedelta(hours=1)
    for asked_at in (reviews_end - timedelta(hours=1), last_day):
        clock.set(asked_at, ticks=True)
        first = ask(frozen, helga)
        clock.set(asked_at + REQUEST_LIFETIME - timedelta(hours=1), ticks=True)
        [kept] = retained_campaigns()
        assert kept.unsettled
        assert not kept.is_over(clock.now())
        assert kept.in_use(clock.now()) == (asked_at < reviews_end), "contacts of leavers go after the reviews"
        withdraw_correction(correction_id=first.pk, by=helga)
        renewed = ask(frozen, helga)
        [status] = retained_campaigns()
        assert (status.unsettled, status.is_over(clock.now()), status.in_use(clock.now())) == (False, True, False)
        withdraw_correction(correction_id=renewed.pk, by=helga)


def test_a_granted_correction_moves_its_own_lines_and_no_others(
    frozen: Campaign, helga: Account, second: Account, alice: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ask(frozen, helga)
    theft = result_versions.COPY_ROWS.replace("coalesce(line.counted, standing.counted) AS counted", "100 AS counted")
    monkeypatch.setattr(result_versions, "COPY_ROWS", theft)
    with pytest.raises(DatabaseError, match="its correction was approved"), transaction.atomic():
        grant_correction(correction_id=asked.pk, by=second)
    assert FrozenResult.objects.count() == 1


def test_a_decided_correction_stays_as_it_was_decided(frozen: Campaign, helga: Account, second: Account) -> None:
    asked = ask(frozen, helga)
    with pytest.raises(Refused):
        refuse_correction(correction_id=asked.pk, by=second, answer=" ")
    refuse_correction(correction_id=asked.pk, by=second, answer="The log says otherwise")
    with pytest.raises(Refused, match="already"):
        grant_correction(correction_id=asked.pk, by=second)
    for changes in ({"state": "asked"}, {"reason": "x"}, {"answer": "x"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            ResultCorrection.objects.filter(pk=asked.pk).update(**changes)
    with pytest.raises(DatabaseError), transaction.atomic():
        asked.lines.create(employee=person("C001"), counted=1, target=1, exempt=False)


@pytest.mark.parametrize(
    "wanted",
    [[], [CorrectionDraft("A001")], [CorrectionDraft("A001", counted=99)], [CorrectionDraft("nobody", counted=1)],
     [CorrectionDraft("A001", target=0)],
     [CorrectionDraft("A001", counted=1), CorrectionDraft("A001", counted=2)]],
)  # fmt: skip
def test_a_correction_that_corrects_nothing_is_not_asked_for(
    frozen: Campaign, helga: Account, wanted: list[CorrectionDraft]
) -> None:
    with pytest.raises(Refused):
        request_correction(campaign=frozen, drafts=wanted, reason="x", evidence="y", by=helga)
    assert not ResultCorrection.objects.exists()


def test_a_correction_answers_reviews_of_the_result(
    frozen: Campaign, alice: Employee, hr: Employee, helga: Account, second: Account
) -> None:
    """An employee who asked "why am I red?" after the freeze sees which result corrected it."""
    review = reviewing.ask(frozen, alice)
    assert (review.counted, review.target) == (99, 100)
    asked = ask(frozen, helga)
    assert reviewing.refusal(reviewing.answer, review, hr, "", kind="correction", subject_id=asked.pk) == "subject"
    grant_correction(correction_id=asked.pk, by=second)
    assert [act.text for act in decisions_for("correction", frozen, alice)] == ["Result 2: 100 of 100"]
    assert not decisions_for("correction", frozen, hr), "a correction that is somebody else's answers nobody"
    reviewing.answer(review, hr, "", kind="correction", subject_id=asked.pk)
    assert reviewing.ask(frozen, alice, text="And now?").counted == 100, "the newest result is what is asked about"


def test_a_correction_does_not_undo_another_that_was_granted_meanwhile(
    frozen: Campaign, helga: Account, second: Account
) -> None:
    """Its lines hold complete standings: granted, it would revert the other correction."""
    first, later = (
        ask(frozen, helga, CorrectionDraft("A001", counted=100)),
        ask(frozen, helga, CorrectionDraft("A001", exempt=True)),
    )
    grant_correction(correction_id=first.pk, by=second)
    with pytest.raises(Refused, match="request the correction again"):
        grant_correction(correction_id=later.pk, by=second)
    assert seen(frozen)["A001"] == 100
    refuse_correction(correction_id=later.pk, by=second, answer="ask again")
    grant_correction(correction_id=ask(frozen, helga, CorrectionDraft("A001", exempt=True)).pk, by=second)
    assert (seen(frozen)["A001"], FrozenResult.objects.count()) == (100, 3)


# -- parts of a result ----------------------------------------------------------------------------------------------


@pytest.fixture
def team_file(frozen: Campaign, alice: Employee, tmp_path: Path) -> Path:
    """The CSV of Alice's manager for the frozen campaign."""
    pieces: list[bytes] = []
    write_standings(Standings(frozen, Team(Employee.objects.get(staff_no="B001"), None)), pieces.append)
    file = tmp_path / "team.csv"
    file.write_bytes(b"".join(pieces))
    return file


def not_proved(*arguments: Any) -> dict[str, Any]:
    """The verify_freeze output for a file that is not genuine."""
    out = io.StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("verify_freeze", *map(str, arguments), "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    assert not told["verified"]
    return told


def test_a_managers_csv_is_proved_as_a_part_of_the_result_that_is_stored_or_beside_it(
    frozen: Campaign, team_file: Path, tmp_path: Path
) -> None:
    rows = len(team_file.read_text(encoding="utf-8-sig").splitlines()) - 1
    whole = tmp_path / "whole.csv"
    run("export_standings", "--campaign", "november", "--output", whole)
    whole.with_name("whole.csv.sig").write_bytes(signature_file(FrozenResult.objects.get()))
    assert 0 < rows < FrozenResult.objects.get().rows
    for options in ([], [whole]):
        told = run("verify_freeze", team_file, "--part", *options)
        assert told["verified"], told
        assert f"{rows} of its {FrozenResult.objects.get().rows} standings" in told["sentence"]
    assert not_proved(team_file), "it is not the whole"


def test_a_row_of_a_managers_csv_that_was_changed_is_named(
    frozen: Campaign, team_file: Path, helga: Account, second: Account
) -> None:
    """A file from before a correction is no part of the version after it, but of the one it was made from."""
    text = team_file.read_text(encoding="utf-8-sig")
    forged = team_file.with_name("forged.csv")
    forged.write_text(text.replace(",99,100,", ",100,100,"), encoding="utf-8")
    assert forged.read_text(encoding="utf-8") != text
    told = not_proved(forged, "--part")
    assert told["code"] == "changed"
    assert f"Line {told['line']} (A001)" in told["sentence"]
    grant_correction(correction_id=ask(frozen, helga).pk, by=second)
    assert "version 1" in run("verify_freeze", team_file, "--part")["sentence"]


@pytest.mark.django_db(transaction=True)
def test_stored_rows_that_the_owner_changed_prove_no_part(
    frozen: Campaign, team_file: Path, as_owner: Callable[[str], Any]
) -> None:
    as_owner("SET session_replication_role = 'replica'; UPDATE results_frozenstanding SET counted = 7"
             " WHERE staff_no = 'A002'")  # fmt: skip
    told = not_proved(team_file, "--part")
    assert told["code"] == "whole"
