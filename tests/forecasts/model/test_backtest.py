"""The forecast must beat a straight line where companies behave unlike one; `make backtest` tries many more."""

import pytest

from apps.forecasts.model import scores
from apps.forecasts.model.backtest import Look, Trial, backtest, straight_line, trial_of
from apps.forecasts.model.backtest_report import as_json, as_text
from apps.forecasts.model.history import History
from tests.forecasts.model.simulation import KINDS, Company


@pytest.mark.parametrize("kind", KINDS)
def test_it_beats_the_straight_line_after_a_former_campaign_of_another_level(kind: str) -> None:
    company, former = Company(kind, 1, people=300), Company(kind, 1001, level=40, people=300)
    found = [result for result in backtest(company.trial(former)) if result.is_conclusive]
    skills = [result.skill or 0.0 for result in found]
    assert sum(skills) / len(skills) >= 0.1
    assert min(skills) >= -0.03
    assert {result.basis for result in found} == {"former"}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_never_worse_than_the_straight_line_in_a_first_campaign(kind: str) -> None:
    found = [result for result in backtest(Company(kind, 1, people=300).trial()) if result.is_conclusive]
    assert min(result.skill or 0.0 for result in found) >= -0.03


def test_a_perfect_and_a_useless_forecast() -> None:
    reached = [True, False, True, False]
    assert scores.brier_score([1, 0, 1, 0], reached) == 0
    assert scores.brier_score([0.5] * 4, reached) == 0.25
    assert scores.skill(0.125, 0.25) == 0.5
    assert scores.skill(0.1, 0) is None
    bins = scores.reliability([0.9, 0.9, 0.0, 0.95], [True, True, False, False])
    assert bins == [(1, 0.0, 0.0), (3, pytest.approx(2.75 / 3), pytest.approx(2 / 3))]
    assert scores.calibration_error(bins) == pytest.approx(0.1875)


def test_the_straight_line_is_a_poisson_distribution() -> None:
    assert straight_line(10, 11, 0.1) == pytest.approx(1 - 2.718281828**-1)
    assert straight_line(0, 1, 5) == 0
    assert straight_line(5, 5, 5) == 1
    assert straight_line(5000, 9000, 1) == pytest.approx(1)


def test_the_report_names_what_it_cannot_say() -> None:
    done = History(30, {"a": dict.fromkeys(range(3), 50), "b": {29: 1}}, {"a": 100, "b": 1})
    trial = trial_of("November", done)
    text = as_text(trial, backtest(trial))
    assert "too early to say" not in text.splitlines()[3]
    assert "~" in text
    assert [share["people"] for share in as_json(trial, backtest(trial))["shares"]] == [1] * 6
    nothing = History(30, {"a": {}}, {"a": 1})
    assert "too early to say" in as_text(trial_of("Empty", nothing), backtest(trial_of("Empty", nothing)))
    reached = Trial("Reached", lambda share: Look(done, 29), {"a": True})
    assert "everybody is at the target" in as_text(reached, backtest(reached))
