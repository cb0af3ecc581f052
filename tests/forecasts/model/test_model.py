"""An employee reads a chance: it never falls by a contact more, is never certain too early, and is always the same."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.forecasts.model.backtest import straight_line
from apps.forecasts.model.fitting import fit, growth_to_the_target
from apps.forecasts.model.groups import expected_number
from apps.forecasts.model.history import Counts, History, take_snapshot
from apps.forecasts.model.learning import PRIOR, PRIOR_SPREAD, learn
from apps.forecasts.model.model import Model, Parameters, model_of, outlooks
from apps.forecasts.model.negative_binomial import MAX_SUMMED, at_least, quantiles, tails
from tests.forecasts.model.simulation import KINDS, NO_RUSH, RUSH, Company

PARAMETERS = st.builds(
    Parameters,
    base=st.floats(0.01, 5), each=st.floats(0.001, 2), recency=st.floats(0, 1), growth=st.just(1.0),
    shared_sd=st.floats(0, 1),
)  # fmt: skip
COUNTED = st.integers(0, 300)


@st.composite
def people(draw: st.DrawFn) -> Counts:
    counted = draw(COUNTED)
    return Counts(counted, draw(st.integers(0, counted)), draw(st.floats(0, 400)))


@given(PARAMETERS, st.floats(0.001, 50), people(), st.integers(1, 400), st.booleans())
def test_one_contact_more_never_lowers_the_chance(
    parameters: Parameters, scale: float, counts: Counts, target: int, recent: bool
) -> None:
    model = Model(parameters, scale, time_remains=True)
    more = Counts(counts.counted + 1, counts.steady + 1, counts.recent + 4 * recent)
    of_a_file = counts._replace(counted=counts.counted + 1)
    before = model.chance(counts, target)
    assert model.chance(more, target) >= before - 1e-9
    assert model.chance(of_a_file, target) >= before - 1e-9
    nodes = zip(model.chances_by_node(more, target), model.chances_by_node(counts, target), strict=True)
    assert all(after >= earlier - 1e-9 for after, earlier in nodes)


@given(PARAMETERS, st.floats(0, 50), people(), st.integers(1, 400))
def test_nothing_is_certain_while_time_remains(
    parameters: Parameters, scale: float, counts: Counts, target: int
) -> None:
    """More to go than ever seen may come by a file, and a contact that counts may end."""
    assert 0 < Model(parameters, scale, time_remains=True).chance(counts, target) < 1
    over = Model(parameters, scale, time_remains=False)
    assert over.chance(counts, target) == (counts.counted >= target)
    assert set(over.outlook(counts, target).counts) == {counts.counted}


@given(PARAMETERS, st.floats(0.01, 20), people(), st.integers(1, 400))
def test_equal_counts_give_equal_forecasts_in_any_order(
    parameters: Parameters, scale: float, counts: Counts, target: int
) -> None:
    fresh, used = Model(parameters, scale, time_remains=True), Model(parameters, scale, time_remains=True)
    for other in range(0, 200, 7):
        used.outlook(Counts(other, other, float(other)), target)
    assert fresh.outlook(counts, target) == used.outlook(counts, target)


def test_the_same_history_gives_the_same_forecast() -> None:
    first, second = (Company(RUSH, 3, people=60).history() for _time in range(2))
    snapshot = take_snapshot(first, 45)
    learned = learn(first, 45, snapshot)
    assert learned
    assert learned == learn(second, 45, take_snapshot(second, 45))
    forecast = outlooks(snapshot, learned.parameters, first.targets.values())
    assert forecast == outlooks(snapshot, learned.parameters, first.targets.values())


def test_a_former_campaign_in_which_people_hurried_to_the_target_teaches_so() -> None:
    """The fitted growth is that of all contacts; a forecast of who reaches the target needs that near the target."""
    former = Company(RUSH, 6, people=200).history()
    fitted = fit(former, 72, PRIOR, PRIOR_SPREAD)
    corrected = growth_to_the_target(former, 72, fitted)
    assert corrected > 1.05 * fitted.growth
    everybody = History(former.length, former.days, dict.fromkeys(former.days, 1000))
    assert growth_to_the_target(everybody, 72, fitted) == fitted.growth, "no one reached it: nothing to learn"


def test_another_plan_than_that_of_the_former_campaign_widens_the_forecast() -> None:
    former = Company(NO_RUSH, 7, people=80).history()
    now = Company(NO_RUSH, 8, people=80).history()
    other = History(now.length, now.days, dict.fromkeys(now.days, 105))
    snapshot = take_snapshot(now, 45)
    alike, different = (learn(history, 45, snapshot, former) for history in (now, other))
    assert alike
    assert different
    assert different.parameters.shared_sd > alike.parameters.shared_sd + 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_later_changes_no_earlier_forecast(kind: str) -> None:
    history = Company(kind, 4, people=60).history()
    known = {person: {day: n for day, n in days.items() if day < 50} for person, days in history.days.items()}
    until_then = History(history.length, known, history.targets)
    snapshot = take_snapshot(history, 50)
    assert snapshot == take_snapshot(until_then, 50)
    assert learn(history, 50, snapshot) == learn(until_then, 50, snapshot)


def test_the_mean_of_all_is_the_pace_of_the_running_campaign() -> None:
    """A former campaign never brings its level."""
    history = Company(RUSH, 5, people=200).history()
    snapshot = take_snapshot(history, 30)
    model = model_of(snapshot, Parameters(0.4, 0.2, 0, 1.0, 0))
    shapes = [0.4 + 0.2 * counts.steady for counts in snapshot.people]
    assert sum(shapes) * model.scale == pytest.approx(snapshot.counted * 60 / 30)


def test_at_least_is_the_sum_of_probabilities() -> None:
    # With shape 3, the count of failures before the third success of a coin with success 1 / (1 + scale).
    success = 1 / (1 + 0.5)
    below = sum(comb(count + 2, 2) * success**3 * (1 - success) ** count for count in range(4))
    assert at_least(4, 3, 0.5) == pytest.approx(1 - below)
    assert quantiles((0.1, 0.5, 0.9), 3, 0.5) == [0, 1, 4]
    assert at_least(5, 0, 1) == 0
    assert at_least(850, 2000, 0.5) == pytest.approx(1, abs=1e-3)


@given(st.floats(0.01, 400), st.floats(0.001, 20), st.integers(0, 120))
def test_all_tails_at_once_are_those_one_by_one(shape: float, scale: float, most: int) -> None:
    found = tails(range(most + 1), shape, scale)
    assert found == pytest.approx([at_least(need, shape, scale) for need in range(most + 1)], abs=1e-9)


@pytest.mark.parametrize(("shape", "scale"), [(3, 0.5), (0.4, 30), (2000, 0.5), (500, 8)])
def test_many_tails_are_the_single_ones(shape: float, scale: float) -> None:
    """Also where the probability of none is too small for a number."""
    needs = [0, 1, 4, 800, 1100, 4000, MAX_SUMMED, MAX_SUMMED + 1]
    found = tails(needs, shape, scale)
    assert found == pytest.approx([at_least(need, shape, scale) for need in needs], abs=1e-9)
    assert found == sorted(found, reverse=True)


def test_a_target_beyond_all_reason_holds_no_worker() -> None:
    """Work and memory do not grow with it: of this one neither would ever end."""
    model, need = Model(PRIOR, 3.0, time_remains=True), 10**12
    assert at_least(need, 3, 2) == pytest.approx(0)
    assert model.chances_of_all({(need, 8): 2, (4, 8): 1}, 0.5)[0.0, 0.0, 0.0] == 2
    assert straight_line(700, need, 0.9) == pytest.approx(0)


def test_the_fan_lies_around_the_middle_and_the_chance_fits_it() -> None:
    model = Model(PRIOR, 3.0, time_remains=True)
    outlook = model.outlook(Counts(50, 50, 50.0), 100)
    assert list(outlook.counts) == sorted(outlook.counts)
    median = outlook.counts[2]
    assert model.chance(Counts(50, 50, 50.0), median) >= 0.5 >= model.chance(Counts(50, 50, 50.0), median + 1)


def test_a_group_of_one_is_that_person() -> None:
    model = Model(PRIOR, 3.0, time_remains=True)
    at_target = (Counts(120, 120, 0.0), 100)
    expected = expected_number(model, [at_target] * 7)
    assert expected == (7, 7, 7)
    alone = expected_number(model, [(Counts(50, 50, 50.0), 100)])
    nodes = model.chances_by_node(Counts(50, 50, 50.0), 100)
    assert alone.number == pytest.approx(nodes[0] / 6 + nodes[1] * 2 / 3 + nodes[2] / 6)
    assert expected_number(model, []) == (0, 0, 0)


def test_what_all_share_widens_the_interval_of_a_company() -> None:
    people = [(Counts(60, 60, 60.0), 100)] * 1000
    apart, together = (
        expected_number(Model(Parameters(0.4, 0.2, 0.3, 1, sd), 3.0, time_remains=True), people) for sd in (0, 0.5)
    )
    assert together.high - together.low > 3 * (apart.high - apart.low)
    assert together.low <= together.number <= together.high
