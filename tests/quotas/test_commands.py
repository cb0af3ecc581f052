"""What other people's scripts hold on to: JSON, exit statuses and sentences; never a traceback for bad input."""

import csv
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line

from apps.employees.models import Employee
from apps.quotas.models import Campaign, Standing
from apps.quotas.services import clock
from config.places import BASE_DIR
from tests.commands import run, say
from tests.fixtures import Clock
from tests.people import ROSTER, mark, november, record

OPEN = ("open_campaign", "--name", "N", "--opens", "2026-11-01", "--deadline", "2026-11-30")
SHANGHAI = ("--time-zone", "Asia/Shanghai")


def refused(command: str, *arguments: Any) -> tuple[int, str]:
    """The exit status and sentence of a command that must refuse."""
    with pytest.raises(CommandError) as error:
        run(command, *arguments)
    return error.value.returncode, str(error.value)


# -- open_campaign -------------------------------------------------------------------------------------------------


def test_opening_a_campaign_tells_its_instants(noon: Clock) -> None:
    assert run(*OPEN, *SHANGHAI, "--exclusive", "--confirmed-only", "--target", 20, "--slug", "nov") == {
        "campaign": "nov", "name": "N", "target": 20, "state": "open", "opens_at": "2026-10-31T16:00:00+00:00",
        "cutoff_at": "2026-11-30T16:00:00+00:00", "backdated": False,
    }  # fmt: skip
    rule = Campaign.objects.get().rule
    assert (rule.exclusive, rule.confirmed_only) == (True, True)


def test_opening_a_campaign_says_so_in_a_sentence(noon: Clock) -> None:
    out, _err = say(*OPEN, *SHANGHAI)
    assert out.strip() == "Opened N (n): 100 contacts from 2026-11-01 to the end of 2026-11-30 in Asia/Shanghai."
    out, _err = say("open_campaign", "--name", "Old", "--opens", "2025-11-01", "--deadline", "2025-11-30")
    assert "only a command will freeze it" in out


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--target", "0"], "from 1 to"),
        (["--deadline", "2026-10-01"], "before the opening"),
        (["--deadline", "9999-12-31"], "calendar"),
        (["--time-zone", "Mars/Base"], "no time zone"),
        (["--name", " "], "needs a name"),
        (["--slug", "s" * 90], "too long"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_with_status_1(noon: Clock, changed: list[str], words: str) -> None:
    status, sentence = refused(*OPEN, *changed)
    assert (status, words in sentence) == (1, True), sentence
    assert not Campaign.objects.exists()


def test_a_second_campaign_of_one_name_is_refused(noon: Clock) -> None:
    run(*OPEN)
    assert refused(*OPEN)[0] == 1


# -- which campaign ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["mark_standings", "recount", "export_standings"])
def test_a_command_without_a_campaign_takes_the_only_open_one_or_lists_them(
    company: dict[str, Employee], tmp_path: Path, command: str
) -> None:
    more = ["--output", tmp_path / "x.csv"] if command == "export_standings" else []
    assert refused(command, *more) == (
        1, "no campaign is open; name one with --campaign, or open one with open_campaign"
    )  # fmt: skip
    november()
    assert run(command, *more)["campaign"] == "november"
    november(name="Second one")
    status, sentence = refused(command, *more)
    assert status == 2
    assert "November (november), Second one (second-one)" in sentence
    for name in ("second-one", "Second one"):
        assert run(command, "--campaign", name, *more)["campaign"] == "second-one"
    assert refused(command, "--campaign", "third", *more) == (1, "no campaign is named 'third'")
    for odd in ("x\0", "\udcff"):
        assert refused(command, "--campaign", odd, *more)[0] == 1


# -- mark_standings, recount -----------------------------------------------------------------------------------------


def test_marking_tells_how_everybody_stands(company: dict[str, Employee]) -> None:
    campaign, alice = november(target=2), company["A001"]
    record(alice, 1)
    run("mark_standings")
    record(alice, 2)
    told = run("mark_standings")
    as_of = datetime.fromisoformat(told.pop("as_of"))
    assert told == {"campaign": "november", "employees": 9, "counted": 3, "red": 8, "turned_red": 0, "turned_green": 1}
    assert as_of < clock()
    assert Standing.objects.get(campaign=campaign, employee=alice).counted == 3
    out, _err = say("mark_standings")
    assert (
        out.strip() == "Marked 9 employees of November: 8 red, 1 not; 3 counted contacts. 0 turned red, 0 turned green."
    )


def test_a_campaign_that_has_not_opened_or_is_over_is_not_marked(company: dict[str, Employee], clock: Clock) -> None:
    clock.set("2026-10-01T00:00:00+08:00", ticks=True)
    campaign = november()
    status, sentence = refused("mark_standings")
    assert status == 1
    assert "has not opened yet" in sentence
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    assert refused("mark_standings", "--campaign", "november")[0] == 1


def test_a_recount_without_drift_ends_well(campaign: Campaign) -> None:
    told = run("recount")
    assert (told["campaign"], told["differences"], told["employees"]) == ("november", 0, [])


def test_a_recount_with_drift_lists_it_and_ends_with_status_1(campaign: Campaign, alice: Employee) -> None:
    run("recount")
    mark()
    Standing.objects.filter(employee=alice).update(counted=5)
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("recount", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (ended.value.code, told["differences"], told["waiting"]) == (1, 1, 0)
    [one] = told["employees"]
    assert (one["staff_no"], one["fields"]) == ("A001", ["counted"])
    assert (one["stored"]["counted"], one["recounted"]["counted"]) == (5, 0)
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("recount", stdout=out)
    assert "1 differences in November." in out.getvalue()
    assert "A001 Alice 艾: counted" in out.getvalue()


def test_a_recount_says_who_it_passed_over(campaign: Campaign, alice: Employee) -> None:
    run("recount")
    mark()
    record(alice)
    assert run("recount")["waiting"] == 1
    assert "1 employees wait for their mark" in say("recount")[0]


# -- export_standings ------------------------------------------------------------------------------------------------


def test_an_export_tells_where_and_how_many(campaign: Campaign, alice: Employee, tmp_path: Path) -> None:
    record(alice, 2)
    output = tmp_path / "standings.csv"
    told = run("export_standings", "--output", output)
    assert told["output"] == str(output)
    assert (told["campaign"], told["employees"], told["counted"], told["red"]) == ("november", 9, 2, 9)
    with output.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 9
    assert {datetime.fromisoformat(line["as_of"]) for line in lines} == {datetime.fromisoformat(told["as_of"])}
    assert list(tmp_path.iterdir()) == [output], "nothing half-written is left beside it"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--as-of", "2027-01-01T00:00:00Z", "--output", "x.csv"], 1, "lies in the future"),
        (["--as-of", "2026-11-01", "--output", "x.csv"], 1, "has no zone"),
        (["--as-of", "yesterday", "--output", "x.csv"], 1, "is no instant"),
        (["--as-of", "0001-01-01T00:00:00+08:00", "--output", "x.csv"], 1, "is no instant"),
        (["--output", "no/such/folder/x.csv"], 1, "No such file"),
        (["--output", "folder"], 1, "directory"),
        ([], 2, "needs --output"),
    ],
)
def test_an_export_that_cannot_be_is_refused_in_one_sentence(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    found, sentence = refused("export_standings", *arguments)
    assert words in sentence
    assert found == status
    assert [one.name for one in tmp_path.rglob("*")] == ["folder"]


def test_an_export_that_fails_leaves_the_old_file_alone(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "standings.csv"
    output.write_text("the old one")

    def breaks(standings: Any, write: Any) -> None:
        write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("apps.quotas.management.commands.export_standings.write_standings", breaks)
    status, sentence = refused("export_standings", "--output", output)
    assert (status, "No space left" in sentence) == (1, True)
    assert output.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [output]


# -- as a shell runs them --------------------------------------------------------------------------------------------


@pytest.fixture
def shell(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a whole command line; its exit status, standard output and standard error. Never a traceback."""
    monkeypatch.chdir(tmp_path)

    def manage(*arguments: str) -> tuple[int, str, str]:
        out, err, status = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                execute_from_command_line(["manage.py", *arguments])
            except SystemExit as ended:
                status = int(ended.code or 0)
        out.flush()
        return status, out.buffer.getvalue().decode(), err.getvalue()

    return manage


def test_the_five_commands_as_a_script_runs_them(shell: Any, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text("staff_no,name,handle\nA001,W,w\nX404,V,v\n", encoding="utf-8")
    told = {}
    for name, *arguments in (
        ("import_roster", "roster.csv"),
        ("open_campaign", "--name", "N", "--opens", "2026-01-01", "--deadline", "2036-12-31"),
        ("import_contacts", "contacts.csv"),
        ("mark_standings",),
        ("recount",),
    ):
        status, out, err = shell(name, *arguments, "--json")
        assert (status, out.count("\n")) == (0, 1), err
        told[name] = json.loads(out)
    assert (told["import_roster"]["created"], told["import_contacts"]["created"]) == (9, 1)
    assert (told["mark_standings"]["counted"], told["recount"]["differences"]) == (1, 0)
    status, out, _err = shell("export_standings")
    assert status == 0
    assert out.startswith("\ufeffstaff_no,name,email")
    assert len(out.splitlines()) == 10


def test_bad_arguments_are_answered_with_a_status_and_a_sentence(shell: Any) -> None:
    for arguments, status, words in (
        (["import_roster"], 2, "required"),
        (["import_roster", "missing.csv"], 1, "No such file"),
        (["import_contacts", "missing.csv", "--format", "xlsx"], 2, "invalid choice"),
        (["open_campaign", "--name", "N", "--opens", "1.11.2026", "--deadline", "2026-11-30"], 2, "is no date"),
        (["grant_role", "A001", "king"], 2, "invalid choice"),
        (["recount"], 1, "no campaign is open"),
    ):
        found, out, err = shell(*arguments)
        assert found == status, (arguments, err)
        assert words in err
        assert out == ""


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_has_seen_enough_ends_the_export_quietly(company: dict[str, Employee]) -> None:
    november()
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, str(BASE_DIR / "manage.py"), "export_standings"]
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    assert done.stderr == ""
