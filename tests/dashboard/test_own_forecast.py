"""`/`: will I make it? A wrong answer lets an employee rest too early or give up; seen by others, it is a verdict."""

import json
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.dashboard.labels.forecasts import Chance
from apps.employees.models import Employee
from apps.forecasts.own import own_forecast
from apps.results.freeze import freeze
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.fixtures import Clock
from tests.own_forecasts import counted, stored

pytestmark = pytest.mark.django_db

LAST_DAY, AFTER = "2026-11-30T09:00:00+08:00", "2026-12-01T00:05:00+08:00"
FORECAST_WORDS = ("likely", "About even", "Too early", "forecast")


def answer(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def is_silent(text: str) -> bool:
    return not any(word in text for word in FORECAST_WORDS)


@pytest.mark.parametrize(
    ("total", "lead"),
    [
        (
            97,
            "Very likely to reach 100 by the deadline · more than 9 in 10 people at your stage with your pace",
        ),
        (10, "Very unlikely to reach 100 at this pace · likely with"),
    ],
)
def test_will_i_make_it(as_: SignIn, alice: Employee, campaign: Campaign, total: int, lead: str) -> None:
    stored(campaign)
    counted(campaign, alice, total)
    said = answer(words(as_(alice).get("/")))
    assert lead in said
    assert f"Red: {100 - total} to go" in said


def test_the_sentence_is_that_of_the_chance(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    stored(campaign)
    counted(campaign, alice, 70)
    days = [(date(2026, 11, n + 1), 4 if n < 4 else 3) for n in range(22)]
    forecast = own_forecast(campaign, campaign.rule, days, 100, now=db_now())
    assert forecast
    chance = Chance(forecast.chance)
    said = answer(words(as_(alice).get("/")))
    assert str(chance.band.answer) % {"target": "100"} in said
    assert f"{answer(chance.people)} people at your stage with your pace reach it" in said.lower()


def test_unlikely_comes_with_the_pace_that_makes_it_likely(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    """Else the page only discourages."""
    stored(campaign)
    counted(campaign, alice, 40)
    client = as_(alice)
    said = words(client.get("/"))
    pace = int(said.split("likely with ")[1].split(" a day")[0])
    htmx = {"HX-Request": "true"}
    assert f"With {pace} a day from today: likely" in words(client.get(f"/?per_day={pace}", headers=htmx))
    assert ": likely" not in words(client.get(f"/?per_day={pace - 1}", headers=htmx))
    assert f'value="{pace}"' in client.get("/").content.decode(), "the form begins with that pace"


def test_only_a_former_campaign_makes_it_more_than_a_rough_estimate(
    as_: SignIn, alice: Employee, campaign: Campaign
) -> None:
    counted(campaign, alice, 60)
    stored(campaign)
    client = as_(alice)
    said = words(client.get("/"))
    assert "A rough estimate that only you see." in said
    assert "It rests on experience with other data." in said
    october = people.november(name="October", slug="october", opens_on=date(2026, 10, 1), deadline=date(2026, 10, 31))
    stored(campaign, basis="former", former=october, day=date(2026, 11, 24))
    said = words(client.get("/?campaign=november"))
    assert "ough estimate" not in said
    assert "It learned from the last campaign that ended" in said
    assert "Only you see this forecast. Nothing is decided by it." in said


def test_too_early_says_why_and_shows_no_guess(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    counted(campaign, alice, 60)
    page = as_(alice).get("/")
    said = words(page)
    assert "Too early to say whether you will reach 100" in said
    assert "A forecast needs 5 days and 30 contacts of all employees. It is made each night." in said
    assert "What if" not in said
    assert b"fan-" not in page.content


def test_where_nothing_is_open_there_is_no_forecast(
    as_: SignIn, alice: Employee, alan: Employee, bob: Employee, campaign: Campaign, clock: Clock
) -> None:
    stored(campaign)
    people.adjust(campaign=campaign, employee=alan, exempt=True, reason="Leave")
    people.mark()
    counted(campaign, alice, 100)
    counted(campaign, alan, 40)
    later = people.november(name="Later", slug="later", opens_on=date(2026, 12, 5), deadline=date(2026, 12, 31))
    stored(later)
    for who, address in (
        (alice, "/"),  # at the target
        (alan, "/"),  # exempt
        (bob, "/"),  # no contact yet
        (alice, "/?campaign=later"),  # not begun
    ):
        assert is_silent(words(as_(who).get(address))), (who, address)


def test_on_the_last_day_nothing_reassures_beside_red(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    counted(campaign, alice, 99)
    clock.set(LAST_DAY, ticks=True)
    stored(campaign, day=date(2026, 11, 30), gone=29, elapsed=29)
    said = words(as_(alice).get("/"))
    assert "Red: 1 to go" in said
    assert is_silent(said)
    assert "on pace" not in said.lower()
    assert said.count("1 more needed today") == 2, "the line, and the title of the curve"


def test_after_the_deadline_and_in_a_result_there_is_no_forecast(
    as_: SignIn, alice: Employee, campaign: Campaign, clock: Clock
) -> None:
    people.record(alice, 40)
    people.mark()
    stored(campaign)
    client = as_(alice)
    assert not is_silent(words(client.get("/")))
    clock.set(AFTER, ticks=True)
    assert is_silent(words(client.get("/?campaign=november")))
    freeze(campaign=campaign, by=people.TESTER, wait=False)
    assert is_silent(words(client.get("/?campaign=november&per_day=3")))
    assert words(client.get("/?campaign=november&per_day=3", headers={"HX-Request": "true"})) == (
        "There is no forecast now."
    )


def test_a_new_forecast_reaches_a_page_that_is_open(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    """The polled card has the sentence, so its ETag has to know it."""
    counted(campaign, alice, 60)
    client = as_(alice)
    first = client.get("/standing/")
    stored(campaign)
    second = client.get("/standing/", headers={"If-None-Match": first["ETag"]})
    assert second.status_code == 200
    assert "at your stage with your pace" in words(second)
    assert client.get("/standing/", headers={"If-None-Match": second["ETag"]}).status_code == 304


def test_the_forecast_needs_no_further_query(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    """`/` is opened most often of all pages."""
    counted(campaign, alice, 60)
    client = as_(alice)
    numbers = []
    for prepare in (lambda: None, lambda: stored(campaign)):
        prepare()
        for address in ("/", "/standing/"):
            client.get(address)
            with CaptureQueriesContext(connection) as asked:
                client.get(address)
            numbers.append(len(asked))
    assert numbers[:2] == numbers[2:]


@pytest.mark.parametrize("typed", ["", "-1", "21", "3.5", "x", "1e3", "9" * 5000, "<b>"])
@pytest.mark.parametrize("htmx", [False, True])
def test_a_pace_outside_the_range_names_the_field_and_the_range(
    as_: SignIn, alice: Employee, campaign: Campaign, typed: str, htmx: bool
) -> None:
    stored(campaign)
    counted(campaign, alice, 60)
    headers = {"HX-Request": "true"} if htmx else {}
    page = as_(alice).get("/", {"per_day": typed}, headers=headers)
    assert page.status_code == 200
    assert "Contacts a day: enter a whole number from 0 to 20." in words(page)
    assert "a day from today:" not in words(page)
    assert (b"aria-invalid" in page.content) != htmx


def test_what_if_answers_alike_with_and_without_scripts(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    stored(campaign)
    counted(campaign, alice, 60)
    client = as_(alice)
    for per_day in (0, 3, 20):
        part = answer(words(client.get(f"/?per_day={per_day}", headers={"HX-Request": "true"})))
        assert part.startswith(f"With {per_day} a day from today: ")
        page = client.get(f"/?per_day={per_day}")
        assert part in answer(words(page))
        assert f'step="1" value="{per_day}"'.encode() in page.content
    assert "very likely (more than 9 in 10)" in part


def test_the_chosen_campaign_stays_in_the_form(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    stored(campaign)
    counted(campaign, alice, 60)
    page = as_(alice).get("/?campaign=november")
    assert b'<input type="hidden" name="campaign" value="november">' in page.content


def test_the_fan_is_on_the_own_curve_alone(as_: SignIn, alice: Employee, bob: Employee, campaign: Campaign) -> None:
    stored(campaign)
    counted(campaign, alice, 60)
    mine = as_(alice)
    assert b"var(--fan-50)" in mine.get("/").content
    own = json.loads(mine.get("/charts/me.json").content)
    assert len([trace for trace in own["figure"]["data"] if trace.get("fill") == "toself"]) == 2
    assert "8 in 10" in own["table"]
    manager = as_(bob)
    for address in ("/team/A001/", "/charts/member/A001.json"):
        content = manager.get(address).content.decode()
        assert "toself" not in content
        assert "in 10" not in content
        assert "fan-" not in content


def test_the_fan_has_every_day_to_the_deadline(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    stored(campaign)
    counted(campaign, alice, 60)
    figure = json.loads(as_(alice).get("/charts/me.json").content)["figure"]
    median = next(trace for trace in figure["data"] if any(trace.get("hovertext", [])))
    assert median["x"] == [f"2026-11-{n}" for n in range(23, 31)]
    assert median["y"][0] == 60
    assert median["y"] == sorted(median["y"])


def test_a_chinese_reader_reads_it_in_chinese(as_: SignIn, alice: Employee, campaign: Campaign) -> None:
    stored(campaign)
    counted(campaign, alice, 97)
    said = answer(words(as_(alice).get("/?per_day=3", headers={"Accept-Language": "zh-CN"})))
    assert "很有可能在截止前达到 100 位 · 与您进度和速度相近的人，10 人中超过 9 人能达标" in said
    assert "从今天起每天 3 位：很有可能达标（10 人中超过 9 人）" in said
    assert "likely" not in said
