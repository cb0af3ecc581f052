"""HR asks afterwards how right the forecast was: it is judged by what was known then, and shows no single person."""

from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError

from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.forecasts.finished_campaigns import trials
from apps.standings.rule_changes import change_rule
from tests.commands import run, say
from tests.fixtures import Clock
from tests.people import ROSTER, TESTER, adjust, load, november, person, record


@pytest.fixture
def finished(noon: Clock) -> Clock:
    """November is over: 3 contacts were wanted, alice had 2 on the 2nd and 3 on the 28th, carol was exempt."""
    noon.set("2026-10-20T12:00:00+08:00")
    load(ROSTER)
    noon.set("2026-11-01T09:00:00+08:00")
    campaign = november(target=3)
    adjust(campaign=campaign, employee=person("C001"), exempt=True)
    noon.set("2026-11-02T09:00:00+08:00")
    record(person("A001"), 2)
    noon.set("2026-11-28T09:00:00+08:00")
    record(person("A001"))
    record(person("A002"))
    noon.set("2026-12-02T09:00:00+08:00")
    return noon


def test_a_look_knows_what_was_known_then(finished: Clock) -> None:
    (trial,) = trials()
    alice, alan, carol = (person(number).pk for number in ("A001", "A002", "C001"))
    half = trial.look(0.5)
    assert (half.gone, half.history.length) == (15, 30)
    assert half.history.days[alice] == {1: 2}
    assert half.history.days[alan] == {}
    assert half.history.targets[alice] == 3
    assert (trial.reached[alice], trial.reached[alan]) == (True, False)
    assert carol not in trial.reached
    assert carol not in half.history.days
    assert trial.teams[alice] == trial.teams[alan] == "B001"
    assert trial.former is None


def test_a_later_campaign_has_the_one_before_as_its_former(finished: Clock) -> None:
    november(name="December", opens_on=date(2026, 12, 3), deadline=date(2026, 12, 31), target=5)
    assert [trial.name for trial in trials()] == ["November"], "December is not over"
    finished.set("2027-01-02T09:00:00+08:00")
    found = list(trials())
    assert [trial.name for trial in found] == ["November", "December", "December, after November"]
    former = found[2].former
    assert former
    assert former.days[person("A001").pk] == {1: 2, 27: 1}
    assert run("backtest_forecast", "--campaign", "November")["campaigns"][0]["campaign"] == "November"


def test_the_command_names_no_person(finished: Clock) -> None:
    out, _err = say("backtest_forecast")
    assert "too early to say" in out
    assert not any(name in out for name in ("Alice", "A001", "alan@"))


def test_the_command_reads_files(db: None, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    lines = [
        f"p{number},2026-{month}-{day:02}"
        for number in range(30)
        for month in (10, 11)
        for day in range(1, 31, 1 + number % 5)
    ]
    path.write_text("\n".join(["person,day", *lines, "nothing,"]), encoding="utf-8")
    october, november_ = (path, "2026-10-01", "2026-10-30", 12), (path, "2026-11-01", "2026-11-30", 12)
    report = run("backtest_forecast", "--file", *october, "--file", *november_)["campaigns"]
    assert [found["former_campaign"] for found in report] == [False, False, True]
    shares = report[2]["shares"]
    assert [each["share"] for each in shares] == [0.2, 0.33, 0.5, 0.66, 0.8, 0.9]
    assert shares[0]["people"] == 31
    assert {each["basis"] for each in shares} == {"former"}
    assert all(0 <= each["brier"] <= 1 for each in shares)
    text, _err = say("backtest_forecast", "--file", *october)
    assert text.startswith("calls.csv 2026-10-01 to 2026-10-30\ntime  people")


@pytest.mark.parametrize(
    ("arguments", "words", "status"),
    [
        ((), "no such campaign has finished", 1),
        (("--file", "x.csv", "2026-11-01", "2026-10-01", "5"), "before the opening", 2),
        (("--file", "x.csv", "2026-11-01", "soon", "5"), "not a date", 2),
        (("--file", "x.csv", "2026-11-01", "2026-11-30", "many"), "not a target", 2),
        (("--file", "/nonexistent.csv", "2026-11-01", "2026-11-30", "5"), "No such file", 1),
        (("--campaign", "x", "--file", "x.csv", "2026-11-01", "2026-11-30", "5"), "either --campaign or --file", 2),
    ],
)
def test_the_command_refuses_with_a_sentence(db: None, arguments: tuple[str, ...], words: str, status: int) -> None:
    with pytest.raises(CommandError, match=words) as error:
        run("backtest_forecast", *arguments)
    assert error.value.returncode == status


def test_a_look_says_that_the_plan_changed_later(finished: Clock) -> None:
    """A forecast of another target or deadline is judged by what no one knew."""
    finished.set("2026-12-03T09:00:00+08:00")
    draft = RuleDraft(4, date(2026, 12, 4), date(2026, 12, 31), "Asia/Shanghai")
    december = november(name="December", slug="december", opens_on=draft.opens_on, deadline=draft.deadline, target=5)
    finished.set("2026-12-20T09:00:00+08:00")
    change_rule(campaign=december, draft=draft, expected_version=1, reason="x", by=TESTER)
    finished.set("2027-01-02T09:00:00+08:00")
    trial = next(trials(Campaign.objects.get(slug="december")))
    assert [trial.look(share).plan_changed for share in (0.5, 0.66)] == [True, False]
