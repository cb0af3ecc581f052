"""Large roster loads: a failure lets one HR user end a company or learn whose contact a person is."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from apps.accounts.approvals import refuse_request, supersede_requests, withdraw_request
from apps.accounts.models import Account, ApprovalRequest, Role
from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.roster import imports
from apps.roster.effects import NeedsSecondPerson
from apps.roster.import_approvals import REQUESTS_A_DAY
from apps.roster.models import RosterImport
from apps.roster.undo import undo_load, undo_or_request
from apps.standings.approvable_changes import approve_request, effect_digest, effect_of_request
from tests.accounts.access_log_entries import boss_of, employed
from tests.commands import run, say
from tests.fixtures import Clock
from tests.people import ROSTER, load, officer, person, record_one
from tests.rosters import looked, worked

pytestmark = pytest.mark.django_db
State = RosterImport.State
WITHOUT_ALAN = ROSTER.replace("A002,Alan,alan@corp.example.com,,Sales,B001\n", "")
UNDER_CAROL = ROSTER.replace("bob@corp.example.com,,Sales,D001", "bob@corp.example.com,,Sales,C001")
MADE_UP = ROSTER + "X001,Nobody,guest@outside.example.org,,,\n"


@pytest.fixture(autouse=True)
def share(settings: Any, company: object) -> None:
    """One of nine people is more than a tenth."""
    settings.ROSTER_APPROVAL_SHARE = 0.1


def confirmed(content: str, by: Actor, **options: bool) -> RosterImport:
    """A load that HR has confirmed and a worker has processed."""
    shown = looked(content, **options)
    assert imports.confirm(shown, digest=shown.digest, by=by, leavers=imports.leavers_to_type(shown))
    return worked(shown)


def the_request(kind: str = "roster_load") -> ApprovalRequest:
    return ApprovalRequest.objects.get(kind=kind, decision=None)


def approve(request: ApprovalRequest, by: str = "hr-2") -> None:
    seen = effect_digest(effect_of_request(request, db_now()))
    approve_request(request_id=request.pk, expected_digest=seen, by=officer(by))


def test_a_load_that_ends_more_than_the_share_waits_for_a_second_person() -> None:
    done = confirmed(WITHOUT_ALAN, officer("hr-1"), complete=True)
    assert done.state == State.REQUESTED
    assert employed("A002")
    assert the_request().effect == {"leaving": 1}
    with pytest.raises(Refused):
        approve(the_request(), by="hr-1")
    approve(the_request())
    done = worked(done)
    assert (done.state, employed("A002")) == (State.DONE, False)
    entry = AuditEntry.objects.get(action="roster.loaded", actor_label="hr-1")
    assert entry.detail["left"] == 1


def test_a_new_manager_of_a_manager_moves_everybody_below() -> None:
    assert confirmed(UNDER_CAROL, officer("hr-1")).state == State.REQUESTED
    assert boss_of("B001") == "D001"
    assert the_request().effect == {"moving": 3}, "Bob, Alice and Alan"


def test_a_small_load_needs_one_person(settings: Any) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.5
    assert confirmed(WITHOUT_ALAN, officer("hr-1"), complete=True).state == State.DONE
    assert not ApprovalRequest.objects.exists()


def test_small_loads_of_one_day_count_together(settings: Any, noon: Clock) -> None:
    """Otherwise thirty small files could end all employees."""
    settings.ROSTER_APPROVAL_SHARE = 0.2
    assert confirmed(WITHOUT_ALAN, officer("hr-1"), complete=True).state == State.DONE
    without_two = WITHOUT_ALAN.replace("S001,Sam,sam@corp.example.com,,Support,C001\n", "")
    assert confirmed(without_two, officer("hr-1"), complete=True).state == State.REQUESTED
    noon.set("2026-11-24T12:00:01+08:00", ticks=True)
    assert confirmed(without_two, officer("hr-2"), complete=True).state == State.DONE


def test_a_made_up_row_that_hits_a_contact_waits_and_tells_its_author_nothing(
    alice: Employee, campaign: Campaign
) -> None:
    record_one(alice, ("email", "guest@outside.example.org"))
    shown = looked(MADE_UP)
    assert "counts" not in str(shown.report)
    assert imports.confirm(shown, digest=shown.digest, by=officer("hr-1"))
    assert worked(shown).state == State.REQUESTED
    assert not Employee.objects.filter(staff_no="X001").exists()
    request = the_request()
    assert request.effect == {"joining": 1}, "the requester's copy"
    assert effect_of_request(request, db_now()) == {"joining": 1, "counts": 1}, "the second person's"
    alarm = AuditEntry.objects.get(action="roster.effect_counted")
    assert (alarm.actor_label, alarm.detail) == ("hr-1", {"changes_counts": True})
    shown.refresh_from_db()
    assert "counts" not in str(shown.report)


def test_a_made_up_row_that_hits_nobody_is_loaded(alice: Employee, campaign: Campaign) -> None:
    record_one(alice, ("email", "other@outside.example.org"))
    assert confirmed(MADE_UP, officer("hr-1")).state == State.DONE


@pytest.mark.parametrize(
    "row",
    [
        "A001,Alice 艾,alice@corp.example.com,+86 139 1234 5678,Sales,B001,,",
        "X001,Nobody,nobody@outside.example.org,13912345678,,,,",
        "X001,Nobody,nobody@outside.example.org,13912345678,,,2027-01-01,",
        "X001,Nobody,nobody@outside.example.org,13912345678,,,2026-01-01,2026-11-05",
    ],
)
def test_every_way_to_make_a_contact_a_colleague_waits(alice: Employee, campaign: Campaign, row: str) -> None:
    record_one(alice, ("phone", "+8613912345678"))
    head = "staff_no,name,email,phone,department,manager_staff_no,started_on,left_on\n"
    assert confirmed(f"{head}{row}\n", officer("hr-1")).state == State.REQUESTED


def test_ending_a_colleague_before_the_campaign_waits_when_somebody_has_recorded_them(
    alice: Employee, campaign: Campaign
) -> None:
    """Otherwise the contact would count again."""
    record_one(alice, ("email", "sam@corp.example.com"))
    head = "staff_no,name,email,started_on,left_on\n"
    done = confirmed(head + "S001,Sam,sam@corp.example.com,2026-01-01,2026-10-01\n", officer("hr-1"))
    assert done.state == State.REQUESTED
    assert effect_of_request(the_request(), db_now())["counts"] == 1


def test_nobody_tries_many_files_a_day(alice: Employee, campaign: Campaign, noon: Clock) -> None:
    for number in range(REQUESTS_A_DAY):
        record_one(alice, ("email", f"guest{number}@outside.example.org"))
        made_up = ROSTER + f"X00{number},Nobody,guest{number}@outside.example.org,,,\n"
        assert confirmed(made_up, officer("hr-1")).state == State.REQUESTED
    shown = looked(ROSTER + "X009,Nobody,harmless@outside.example.org,,,\n")
    with pytest.raises(Refused) as refusal:
        imports.confirm(shown, digest=shown.digest, by=officer("hr-1"))
    assert refusal.value.code == "too_many", "also a file that hits nobody: the answer tells nothing"
    noon.set("2026-11-24T12:00:01+08:00", ticks=True)
    assert imports.confirm(shown, digest=shown.digest, by=officer("hr-1"))


def test_a_load_that_others_supersede_is_requested_again(noon: Clock) -> None:
    """Otherwise three tiny loads of one HR user stop the rosters of all others for a day."""
    for _time in range(REQUESTS_A_DAY + 1):
        assert confirmed(UNDER_CAROL, officer("hr-1")).state == State.REQUESTED
        supersede_requests(ApprovalRequest.objects.filter(kind="roster_load"), officer("hr-2"))


def test_superseding_the_own_request_gives_no_further_try(
    settings: Any, alice: Employee, campaign: Campaign, noon: Clock
) -> None:
    """Otherwise one HR user asks every minute whether a phone is a contact by now, and sees who has recorded it."""
    settings.ROSTER_APPROVAL_SHARE = 0.9
    later = "staff_no,name,email,phone,started_on\nX001,Nobody,nobody@corp.example.com,+8613912345001,2026-12-20\n"
    harmless = "staff_no,name,email,department\nS001,Sam,sam@corp.example.com,Department {}\n"
    for number in range(REQUESTS_A_DAY - 1):
        assert confirmed(later, officer("hr-1")).state == State.REQUESTED
        assert confirmed(harmless.format(number), officer("hr-1")).state == State.DONE
    assert not ApprovalRequest.objects.exclude(decision="superseded").exists()
    assert confirmed(later, officer("hr-1")).state == State.REQUESTED
    shown = looked(harmless.format("of the last try"))
    with pytest.raises(Refused) as refusal:
        imports.confirm(shown, digest=shown.digest, by=officer("hr-1"))
    assert refusal.value.code == "too_many"


def test_the_trail_has_the_same_entries_whether_a_contact_is_touched_or_not() -> None:
    """Otherwise a missing number between two entries tells HR what the hidden entry says."""
    assert confirmed(UNDER_CAROL, officer("hr-1")).state == State.REQUESTED
    assert AuditEntry.objects.get(action="roster.effect_counted").detail == {"changes_counts": False}


def test_one_hr_user_does_not_keep_superseding_the_requests_of_others(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a loop of tiny files stops every large load and undo, until the operator acts."""
    settings.ROSTER_APPROVAL_SHARE = 0.2
    tiny = "staff_no,name,email,department\nS001,Sam,sam@corp.example.com,Department {}\n"
    monkeypatch.setattr("apps.roster.import_approvals.SUPERSEDED_A_DAY", 1)
    assert confirmed(UNDER_CAROL, officer("hr-1")).state == State.REQUESTED
    assert confirmed(tiny.format(1), officer("hr-2")).state == State.DONE
    superseded = ApprovalRequest.objects.get()
    assert (superseded.decision, superseded.superseded_by_id) == ("superseded", officer("hr-2").id)
    assert confirmed(UNDER_CAROL, officer("hr-1")).state == State.REQUESTED
    shown = looked(tiny.format(2))
    with pytest.raises(Refused) as refusal:
        imports.confirm(shown, digest=shown.digest, by=officer("hr-2"))
    assert refusal.value.code == "superseding"
    assert imports.confirm(shown, digest=shown.digest, by=officer("hr-3")), "another HR user may"
    refuse_request(request_id=the_request().pk, note="no", by=officer("hr-3"))
    again = looked(tiny.format(3))
    assert imports.confirm(again, digest=again.digest, by=officer("hr-2")), "nothing of others waits"


def test_nobody_tries_one_file_again_and_again(noon: Clock) -> None:
    """Otherwise one HR user keeps other rosters waiting all day: each trial holds the tree."""
    for _time in range(REQUESTS_A_DAY):
        assert confirmed(UNDER_CAROL, officer("hr-1")).state == State.REQUESTED
        withdraw_request(request_id=the_request().pk, by=officer("hr-1"))
    shown = looked(UNDER_CAROL)
    with pytest.raises(Refused) as refusal:
        imports.confirm(shown, digest=shown.digest, by=officer("hr-1"))
    assert refusal.value.code == "too_many"


def test_nobody_undoes_one_load_again_and_again() -> None:
    done = confirmed(UNDER_CAROL, officer("hr-2"))
    approve(the_request(), by="hr-1")
    worked(done)
    for _time in range(REQUESTS_A_DAY):
        request = undo_or_request(load_id=done.pk, by=officer("hr-1"))
        assert request is not None
        withdraw_request(request_id=request.pk, by=officer("hr-1"))
    with pytest.raises(Refused) as refusal:
        undo_or_request(load_id=done.pk, by=officer("hr-1"))
    assert refusal.value.code == "too_many"


def test_nobody_tries_several_files_at_once(alice: Employee, campaign: Campaign) -> None:
    shown = [looked(ROSTER + f"X00{number},Nobody,x{number}@outside.example.org,,,\n") for number in range(2)]
    assert imports.confirm(shown[0], digest=shown[0].digest, by=officer("hr-1"))
    with pytest.raises(Refused) as refusal:
        imports.confirm(shown[1], digest=shown[1].digest, by=officer("hr-1"))
    assert refusal.value.code == "busy"


def test_another_roster_ends_a_request() -> None:
    confirmed(WITHOUT_ALAN, officer("hr-1"), complete=True)
    request = the_request()
    load("staff_no,name,email\nZ001,Zoe,zoe@corp.example.com")
    request.refresh_from_db()
    assert request.decision == "superseded"
    with pytest.raises(Refused):
        approve(request)
    assert employed("A002")


def test_a_refused_load_changes_nothing_and_cannot_be_confirmed_again() -> None:
    done = confirmed(WITHOUT_ALAN, officer("hr-1"), complete=True)
    refuse_request(request_id=the_request().pk, note="not yet", by=officer("hr-2"))
    imports.confirm(done, digest=done.digest, by=officer("hr-1"))
    assert worked(done).state == State.REQUESTED
    assert employed("A002")


def test_undoing_a_large_load_waits_for_a_second_person() -> None:
    done = confirmed(UNDER_CAROL, officer("hr-1"))
    approve(the_request())
    worked(done)
    with pytest.raises(NeedsSecondPerson):
        undo_load(load_id=done.pk, by=officer("hr-1"))
    assert boss_of("B001") == "C001"
    request = undo_or_request(load_id=done.pk, by=officer("hr-1"))
    assert request is not None
    assert request.effect == {"moving": 3}
    approve(request)
    assert boss_of("B001") == "D001"


def test_a_second_click_on_undo_restores_nothing_while_the_first_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise repeated clicks hold the locks that recording waits for, and contacts are lost at the deadline."""
    done = confirmed(UNDER_CAROL, officer("hr-1"))
    approve(the_request())
    worked(done)
    assert undo_or_request(load_id=done.pk, by=officer("hr-1"))
    monkeypatch.setattr("apps.roster.undo.undo_load", pytest.fail)
    with pytest.raises(Refused) as refused:
        undo_or_request(load_id=done.pk, by=officer("hr-2"))
    assert refused.value.code == "waiting"


def test_an_approved_undo_that_would_move_a_count_by_now_is_refused(alice: Employee, campaign: Campaign) -> None:
    """Otherwise the second person approves an effect of two weeks ago, and an employee's count falls unseen."""
    done = confirmed(UNDER_CAROL + MADE_UP.splitlines()[-1] + "\n", officer("hr-1"))
    approve(the_request())
    worked(done)
    request = undo_or_request(load_id=done.pk, by=officer("hr-1"))
    assert request is not None
    assert "counts" not in request.effect
    record_one(alice, ("email", "guest@outside.example.org"))
    with pytest.raises(Refused) as refused:
        approve(request)
    assert refused.value.code == "stale"
    assert employed("X001")


def test_undoing_a_made_up_row_waits_when_it_moves_a_count(alice: Employee, campaign: Campaign) -> None:
    done = confirmed(MADE_UP, officer("hr-1"))
    assert done.state == State.DONE
    record_one(alice, ("email", "guest@outside.example.org"))
    request = undo_or_request(load_id=done.pk, by=officer("hr-1"))
    assert request is not None
    assert effect_of_request(request, db_now())["counts"] == 1
    assert employed("X001")


def test_undoing_does_not_bring_an_address_back_alone() -> None:
    """A load of the first set-up changed it, before any account held the HR role."""
    Account.objects.all().delete()
    load("staff_no,name,email\nA001,Alice 艾,alice.new@corp.example.com")
    last = RosterImport.objects.latest("asked_at")
    request = undo_or_request(load_id=last.pk, by=officer("hr-1"))
    assert request is not None
    assert request.effect == {"addresses": 1}
    approve(request)
    assert person("A001").email == "alice@corp.example.com"


class TestCommand:
    """The operator counts as one person too."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "roster.csv"
        file.write_text(WITHOUT_ALAN, encoding="utf-8")
        return file

    def test_a_large_load_is_stored_as_a_request_once(self, file: Path) -> None:
        officer("hr-1")
        for _time in range(2):
            with pytest.raises(CommandError, match=r"It is request .* an HR user approves it"):
                run("import_roster", file, "--complete")
        assert employed("A002")
        request = the_request()
        assert run("approvals")["waiting"][0]["id"] == str(request.pk)
        approve(request, by="hr-1")
        worked(RosterImport.objects.get(pk=request.subject))
        assert not employed("A002")

    def test_the_file_is_read_for_the_second_person_as_the_operator_said(self, tmp_path: Path) -> None:
        """Otherwise the second person would approve another load than the one tried."""
        officer("hr-1")
        file = tmp_path / "roster.csv"
        rows = WITHOUT_ALAN + "N001,Noémie,noemie@corp.example.com,,Sales,X999\n"
        file.write_bytes(rows.encode("utf-8-sig"))
        with pytest.raises(CommandError, match="It is request"):
            run("import_roster", file, "--complete", "--without-unknown-managers", "--encoding", "utf-8-sig")
        request = the_request()
        approve(request, by="hr-1")
        worked(RosterImport.objects.get(pk=request.subject))
        assert not employed("A002")
        assert employed("N001")

    def test_without_any_hr_user_it_is_loaded(self, file: Path) -> None:
        assert run("import_roster", file, "--complete")["left"] == 1

    def test_the_operator_decides_only_where_no_hr_user_can(self, file: Path, monkeypatch: Any) -> None:
        confirmed(WITHOUT_ALAN, officer("hr-1"), complete=True)
        request = the_request()
        monkeypatch.setattr("sys.stdin", io.StringIO())
        with pytest.raises(CommandError, match="use --yes"):
            run("decide_approval", request.pk, "--approve")
        officer("hr-2")
        with pytest.raises(CommandError, match="Another user can decide this request"):
            run("decide_approval", request.pk, "--approve", "--yes")
        Role.objects.filter(account__login="hr-2").delete()
        out, err = say("decide_approval", request.pk, "--approve", "--yes")
        assert "1 employed person leaves" in err
        assert "approved" in out
        assert AuditEntry.objects.get(action="approval.approved").detail["operator"]
        worked(RosterImport.objects.get(pk=request.subject))
        assert not employed("A002")

    def test_the_operator_refuses_with_a_reason(self) -> None:
        confirmed(WITHOUT_ALAN, officer("hr-1"), complete=True)
        request = the_request()
        run("decide_approval", request.pk, "--refuse", "the wrong file", "--yes")
        request.refresh_from_db()
        assert (request.decision, request.note, request.by_operator) == ("refused", "the wrong file", True)
