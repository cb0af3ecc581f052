"""What other people's scripts hold on to: JSON, exit statuses and sentences; never a traceback for bad input."""

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.core.models import Setting
from apps.employees.models import Employee
from apps.standings.models import Standing
from tests import reviewing
from tests.commands import run, say
from tests.fixtures import Clock
from tests.people import mark, november, record

OPEN = ("open_campaign", "--name", "N", "--opens", "2026-11-01", "--deadline", "2026-11-30")
SHANGHAI = ("--time-zone", "Asia/Shanghai")


def refused(command: str, *arguments: Any) -> tuple[int, str]:
    """The exit status and sentence of a command that must refuse."""
    with pytest.raises(CommandError) as error:
        run(command, *arguments)
    return error.value.returncode, str(error.value)


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
    assert "run freeze_campaign, or close it on its page" in out


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (["--target", "0"], "from 1 to"),
        (["--deadline", "2026-10-01"], "before the opening"),
        (["--deadline", "9999-12-31"], "at most 5000 days"),
        (["--time-zone", "Mars/Base"], "not a time zone"),
        (["--name", " "], "Enter a name"),
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


@pytest.mark.parametrize("command", ["mark_standings", "recount", "export_standings"])
def test_a_command_without_a_campaign_takes_the_only_open_one_or_lists_them(
    company: dict[str, Employee], tmp_path: Path, command: str
) -> None:
    more = ["--output", tmp_path / "x.csv"] if command == "export_standings" else []
    assert refused(command, *more) == (
        1, "no campaign is open; name one with --campaign, or open one with open_campaign."
    )  # fmt: skip
    november()
    assert run(command, *more)["campaign"] == "november"
    november(name="Second one")
    status, sentence = refused(command, *more)
    assert status == 2
    assert "November (november), Second one (second-one)" in sentence
    for name in ("second-one", "Second one"):
        assert run(command, "--campaign", name, *more)["campaign"] == "second-one"
    assert refused(command, "--campaign", "third", *more) == (1, "no campaign is named 'third'.")
    for odd in ("x\0", "\udcff"):
        assert refused(command, "--campaign", odd, *more)[0] == 1


def test_marking_tells_how_everybody_stands(company: dict[str, Employee]) -> None:
    campaign, alice = november(target=2), company["A001"]
    record(alice, 1)
    run("mark_standings")
    record(alice, 2)
    told = run("mark_standings")
    as_of = datetime.fromisoformat(told.pop("as_of"))
    assert told == {"campaign": "november", "employees": 9, "counted": 3, "red": 8, "turned_red": 0, "turned_green": 1}
    assert as_of < db_now()
    assert Standing.objects.get(campaign=campaign, employee=alice).counted == 3
    out, _err = say("mark_standings")
    assert (
        out.strip()
        == "Marked 9 employees of November: 8 red, 1 not red; 3 counted contacts. 0 turned red, 0 are no longer red."
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


def test_a_recount_of_a_frozen_campaign_is_refused_and_alarms_nobody(campaign: Campaign) -> None:
    """The cached standings are not marked any more: comparing them would find drift where a result stands."""
    reviewing.close(campaign, db_now())
    status, sentence = refused("recount", "--campaign", campaign.slug, "--repair")
    assert (status, "verify_freeze proves its result" in sentence) == (1, True)
    assert not Setting.objects.filter(name__startswith="drift").exists()


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
    assert "1 differences in November; 9 employees compared." in out.getvalue()
    assert "A001 Alice 艾: counted" in out.getvalue()


def test_a_recount_says_who_it_passed_over(campaign: Campaign, alice: Employee) -> None:
    run("recount")
    mark()
    record(alice)
    assert run("recount")["waiting"] == 1
    assert "1 employees are waiting for their mark" in say("recount")[0]


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
        (["--as-of", "2027-01-01T00:00:00Z", "--output", "x.csv"], 1, "is in the future"),
        (["--as-of", "2026-11-01", "--output", "x.csv"], 1, "has no zone"),
        (["--as-of", "yesterday", "--output", "x.csv"], 1, "is not an instant"),
        (["--as-of", "0001-01-01T00:00:00+08:00", "--output", "x.csv"], 1, "is not an instant"),
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

    monkeypatch.setattr("apps.exports.management.commands.export_standings.write_standings", breaks)
    status, sentence = refused("export_standings", "--output", output)
    assert (status, "No space left" in sentence) == (1, True)
    assert output.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [output]
