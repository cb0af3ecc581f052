"""What a snapshot takes from the days: outages are no slow pace, and a file is no daily habit."""

from datetime import date
from pathlib import Path

import pytest

from apps.forecasts.model.history import Counts, History, take_snapshot
from apps.forecasts.model.history_file import UnusableFile, read_history
from apps.forecasts.model.learning import Basis, learn
from tests.forecasts.model.simulation import NO_RUSH, Company

OPENS, DEADLINE = date(2026, 11, 1), date(2026, 11, 30)


def history(*people: dict[int, int], length: int = 40) -> History:
    return History(length, dict(enumerate(people)), dict.fromkeys(range(len(people)), 100))


def test_a_steady_person() -> None:
    snapshot = take_snapshot(history(dict.fromkeys(range(40), 2)), 20)
    assert snapshot.people == [Counts(40, 40, 40.0)]
    assert (snapshot.elapsed, snapshot.remaining, snapshot.counted, snapshot.recent) == (20, 20, 40, 40.0)
    assert snapshot.centre == 0.5


def test_an_outage_and_a_late_start_are_not_time_gone() -> None:
    working = [day for day in range(20) if day >= 4 and not 10 <= day < 14]
    snapshot = take_snapshot(history(dict.fromkeys(working, 5)), 20)
    assert snapshot.elapsed == 12
    assert snapshot.horizon == 20 / 12


def test_a_weekend_is_time_gone_and_so_is_a_silence_that_lasts() -> None:
    weekdays = [day for day in range(20) if day % 7 < 5]
    assert take_snapshot(history(dict.fromkeys(weekdays, 5)), 20).elapsed == 20
    assert take_snapshot(history(dict.fromkeys(range(10), 5)), 20).elapsed == 20


def test_a_rare_contact_makes_no_outage() -> None:
    assert take_snapshot(history({0: 1, 9: 1, 18: 1}), 20).elapsed == 20


def test_a_file_counts_and_is_no_pace() -> None:
    snapshot = take_snapshot(history(dict.fromkeys(range(20), 2), {19: 90}), 20)
    assert snapshot.people[1].counted == 90
    # Three times the mean of the active days, (40 + 90) / 21.
    assert snapshot.people[1].steady == 18
    assert snapshot.counted == 130


def test_too_early_to_say() -> None:
    few, early = history({0: 10, 8: 10}), history(dict.fromkeys(range(20), 20))
    assert learn(few, 20, take_snapshot(few, 20)) is None
    assert learn(early, 4, take_snapshot(early, 4)) is None
    assert learn(early, 5, take_snapshot(early, 5))


def test_it_says_what_it_rests_on() -> None:
    now, former = (Company(NO_RUSH, seed, people=80).history() for seed in (1, 2))
    bases = {}
    for gone in (15, 60):
        snapshot = take_snapshot(now, gone)
        bases[gone] = learn(now, gone, snapshot), learn(now, gone, snapshot, former)
    assert [learned and learned.basis for learned in bases[15]] == [Basis.PRIOR, Basis.FORMER]
    assert [learned and learned.basis for learned in bases[60]] == [Basis.CAMPAIGN, Basis.FORMER]
    empty = History(90, {1: {}}, {1: 100})
    unknown = learn(now, 15, take_snapshot(now, 15), empty)
    assert unknown
    assert unknown.basis is Basis.PRIOR, "a former campaign without contacts shows nothing"


def test_a_file_lists_people_and_days(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "team,person,day\nX,b,2026-11-01\nX,b,2026-11-01T23:00:00Z\nX,b,2026-12-01\nX,a,\n", encoding="utf-8"
    )
    read = read_history(path, OPENS, DEADLINE, 20)
    assert read == History(30, {"a": {}, "b": {0: 2}}, {"a": 20, "b": 20})
    assert list(read.days) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "columns"), ("who,day\n", "columns"), ("person,day\na,yesterday\n", "line 2: 'yesterday'")],
)
def test_an_unusable_file_says_why(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnusableFile, match=words):
        read_history(path, OPENS, DEADLINE, 20)
