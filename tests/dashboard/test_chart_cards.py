"""The titles over the charts: readers believe a sentence even if it does not fit its numbers."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import translation

from apps.campaigns import rules
from apps.dashboard.chart_cards import chart_card, company, curves, teams

OPENS, DEADLINE = date(2026, 11, 1), date(2026, 11, 30)
RULE = SimpleNamespace(
    opens_on=OPENS, deadline=DEADLINE, target=100, time_zone="UTC", cutoff_at=datetime(2026, 12, 1, tzinfo=UTC)
)
LOOK = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True, params=["en", "zh-hans"])
def language(request: pytest.FixtureRequest) -> Any:
    with translation.override(request.param):
        yield request.param


def scope(day: date | None = None, result: object = None) -> Any:
    return SimpleNamespace(rule=RULE, instant=LOOK, zone=UTC, day=day, result=result)


def no_url(**_filters: str) -> str:
    return ""


def bands(*at_target: int, people: int = 54) -> list[Any]:
    return [
        SimpleNamespace(day=OPENS + timedelta(days=n), n0=people - done, n25=0, n50=0, n75=0, n100=done)
        for n, done in enumerate(at_target)
    ]


@pytest.mark.parametrize(
    ("of", "english", "chinese"),
    [
        (
            scope(),
            ("contacts that still count today.", "as they count now."),
            ("按今天仍计入的联系人显示。", "目前计入的联系人。"),
        ),
        (
            scope(day=date(2026, 11, 6)),
            ("still counted on Fri 6 Nov.", "as they counted at the end of Fri 6 Nov."),
            ("按11月6日 星期五仍计入的联系人显示。", "以11月6日 星期五结束时的计入情况为准。"),
        ),
        (
            scope(result=object()),
            ("contacts that count in the result.", "according to the result."),
            ("按结果中计入的联系人显示。", "以最终结果为准。"),
        ),
    ],
)
def test_a_chart_of_past_days_says_which_contacts_it_shows(
    language: str, of: Any, english: tuple[str, str], chinese: tuple[str, str]
) -> None:
    """Else a reader takes the chart for what counted on those days."""
    people, contacts = english if language == "en" else chinese
    below = [(OPENS, 3), (OPENS + timedelta(days=1), 2)]
    totals = SimpleNamespace(people=3)
    lists = {"en": "The list of a past day shows what counted then.", "zh-hans": "对应的名单显示当时计入的情况。"}[
        language
    ]
    for card, linked in (
        (teams.band_days(of, "", bands(1, 2), no_url), True),
        (company.below_target_by_day(of, "", below, totals, lambda day: "/x"), True),
        (company.below_target_by_day(of, "", below, totals), False),
    ):
        assert people in card.note
        assert (lists in card.note) == linked
    days = [SimpleNamespace(day=OPENS, recorded=1, total=1)]
    assert contacts in curves.team_curve(of, "", days, 0).note


def test_the_bands_of_a_team_are_named_in_the_readers_language(language: str) -> None:
    card = teams.band_days(scope(), "", bands(1), no_url)
    names = {"en": ["0–24 %", "100 % or more"], "zh-hans": ["0–24%", "100% 及以上"]}[language]
    assert [card.legend[-1][1], card.legend[0][1]] == [card.header[1], card.header[-1]] == names


@pytest.mark.parametrize(
    ("at_target", "english", "chinese"),
    [
        (
            [5, 0, 0, 0, 0, 0, 0, 18, 18],
            "18 of 54 are at target, 18 more than a week ago",
            "54 人中 18 人达标，比一周前多 18 人",
        ),
        ([1] * 8, "1 of 54 is at target, same as a week ago", "54 人中 1 人达标，与一周前相同"),
        ([9, *[0] * 6, 7], "7 of 54 are at target, 2 fewer than a week ago", "54 人中 7 人达标，比一周前少 2 人"),
        ([0, 2], "2 of 54 are at target, 2 more than on 1 Nov", "54 人中 2 人达标，比11月1日多 2 人"),
        ([3], "3 of 54 are at target", "54 人中 3 人达标"),
        ([], "No changes yet", "暂无变化"),
    ],
)
def test_a_team_is_compared_with_the_day_that_is_named(
    language: str, at_target: list[int], english: str, chinese: str
) -> None:
    assert teams.band_days(scope(), "", bands(*at_target), no_url).title == (english if language == "en" else chinese)


@pytest.mark.parametrize(
    ("under", "english", "chinese"),
    [
        (63, "63 of 140 are still below target", "140 人中仍有 63 人未达标"),
        (1, "1 of 140 is still below target", "140 人中仍有 1 人未达标"),
        (0, "All employees are at target", "所有人都已达标"),
    ],
)
def test_people_under_the_target_are_shown_as_a_number(language: str, under: int, english: str, chinese: str) -> None:
    found = company.below_target_by_day(scope(), "", [(OPENS, under)], SimpleNamespace(people=140))
    assert found.title == (english if language == "en" else chinese)


def test_the_pace_that_is_needed_is_drawn_and_said(language: str) -> None:
    found = company.below_target_by_day(scope(), "", [(OPENS, 63)], SimpleNamespace(people=140))
    each = rules.needed_per_day(63, rules.days_left(RULE.cutoff_at, "UTC", LOOK))
    assert found.note.startswith(f"If {each} people per day" if language == "en" else f"每天有 {each} 人达标")
    assert [name for name, _ in found.legend] == ["dots"]


@pytest.mark.parametrize(("counts", "english"), [([7], "1 contact per day"), ([70], "10 contacts per day")])
def test_a_week_of_contacts_is_said_by_day(language: str, counts: list[int], english: str) -> None:
    found = company.by_source(scope(), "", [(LOOK.date(), "csv", count) for count in counts])
    assert found.title.startswith(english if language == "en" else f"最近 7 天平均每天 {sum(counts) // 7} 位")


@pytest.mark.parametrize(
    ("total", "english"),
    [
        (1, "1 contact counts, 1 from the last seven days"),
        (20, "20 contacts count, 20 of them from the last seven days"),
    ],
)
def test_a_teams_contacts_are_shown_as_a_number(language: str, total: int, english: str) -> None:
    rows = [SimpleNamespace(day=LOOK.date(), recorded=total, total=total)]
    title = curves.team_curve(scope(), "", rows, 0).title
    assert title == (english if language == "en" else f"计入 {total} 位联系人，其中 {total} 位来自最近七天")


def test_a_teams_contacts_stand_against_its_targets_and_their_pace(language: str) -> None:
    """Else a team of fifty that is far behind looks the same as one that has all it needs."""
    rows = [SimpleNamespace(day=LOOK.date(), recorded=600, total=1600)]
    card = curves.team_curve(scope(), "", rows, 4500)
    assert [cell.text for cell in card.rows[0]][1:] == ["600", "1,600", "1,500"]
    labels = [label["text"] for label in card.figure()["layout"]["annotations"]]
    assert ("all targets together 4,500" if language == "en" else "目标合计 4,500") in labels
    assert len(card.header) == 4
    assert ("Contacts above a person's target" in card.note) == (language == "en")
    # With exempt people alone there is nothing to reach.
    exempt = curves.team_curve(scope(), "", rows, 0)
    assert len(exempt.header) == len(exempt.rows[0]) == 3
    assert exempt.figure()["layout"]["shapes"] == []


def test_a_look_at_a_past_day_or_a_result_does_not_speak_of_now(language: str) -> None:
    assert chart_card.latest(scope(), 1234) == ("1,234 now" if language == "en" else "现在 1,234")
    assert chart_card.latest(scope(OPENS), 1234) == chart_card.latest(scope(result=object()), 1234) == "1,234"


def test_a_screen_reader_gets_the_finding_and_the_newest_row(language: str) -> None:
    found = teams.band_days(scope(), "", bands(1, 2), no_url)
    assert found.summary.startswith(f"{found.title}. {found.note} ")
    newest = "; ".join(f"{head}: {cell.text}" for head, cell in zip(found.header, found.rows[0], strict=True))
    assert found.summary.endswith(newest)
    assert "52" in newest
    totals = SimpleNamespace(people=3, median=42.5, quartile_1=40, quartile_3=60)
    spread = teams.histogram_card(scope(), "", [SimpleNamespace(low=0, high=9, people=3)], totals, [], no_url)
    assert "42.5" in spread.summary


def own(ahead: Any) -> chart_card.ChartCard:
    row = SimpleNamespace(target=100, counted=60, remaining=40, exempt=False, pace="behind")
    card: Any = SimpleNamespace(row=row, gap=3, period=SimpleNamespace(ended=False, days_left=21), pace_text="")
    look = scope()
    look.url = lambda *_args: "/charts/me.json"
    rows = [SimpleNamespace(day=LOOK.date() - timedelta(days=n), recorded=1, total=60 - n) for n in (1, 0)]
    if ahead is None:
        return curves.member_curve(look, "A001", card, rows)
    return curves.own_curve(look, card, rows, ahead)


def test_the_table_of_a_forecast_has_the_days_ahead_above_the_past_ones(language: str) -> None:
    chart = own([(date(2026, 11, 11), (60, 61, 62, 62, 64)), (DEADLINE, (70, 80, 87, 95, 1104))])
    texts = [[cell.text for cell in line] for line in chart.rows]
    assert [line[1:] for line in texts[:2]] == [
        ["", "", "", "87", "80–95", "70–1,104"],
        ["", "", "", "62", "61–62", "60–64"],
    ]
    assert [line[2:] for line in texts[2:]] == [["60", "33.3", "", "", ""], ["59", "30.0", "", "", ""]]
    assert {len(line) for line in texts} == {len(chart.header)} == {7}
    assert ("only you see" in chart.note) == (language == "en")
    assert len(chart.legend) == 3
    # The finding stays that of the counts, and a screen reader hears where the forecast ends.
    assert ("3 behind pace" in chart.title) == (language == "en")
    assert "60" in chart.summary
    assert "87" in chart.summary
    assert "%" not in chart.summary + "".join(chart.header)


def test_only_the_own_curve_has_a_forecast(language: str) -> None:
    for chart in (own(()), own(None)):
        assert len(chart.header) == 4
        assert not chart.legend
        assert not [trace for trace in chart.figure()["data"] if trace.get("fill") == "toself"]
