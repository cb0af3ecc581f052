"""The forecast on the real stream of calls, where it has never seen a simulation."""

import csv
from datetime import date
from pathlib import Path

import pytest

from apps.forecasts.model.backtest import backtest, trial_of
from apps.forecasts.model.history import History
from apps.forecasts.model.history_file import read_history
from tests.shared_data.calls import CALLS

pytestmark = pytest.mark.shared
# The window and target of a former campaign, and of the one that is forecast.
AUTUMN = ("2004-08-01", "2004-11-30", 50)
WINDOWS = [
    (AUTUMN, ("2004-12-01", "2005-03-31", 50)),
    (("2004-07-01", "2004-10-31", 50), ("2004-11-01", "2005-02-28", 30)),
    (AUTUMN, ("2005-01-01", "2005-05-15", 20)),
    (("2004-12-01", "2005-02-28", 20), ("2005-03-01", "2005-05-31", 20)),
]


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stream as `backtest_forecast --file` takes it."""
    path = tmp_path_factory.mktemp("calls") / "calls.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "day"])
        for name, day in (("roster.csv", "none"), ("contacts.csv", "recorded_at")):
            with (CALLS / name).open(encoding="utf-8", newline="") as rows:
                writer.writerows([row["staff_no"], row.get(day, "")] for row in csv.DictReader(rows))
    return path


def history(stream: Path, window: tuple[str, str, int]) -> History:
    opens, deadline, target = window
    return read_history(stream, date.fromisoformat(opens), date.fromisoformat(deadline), target)


@pytest.mark.parametrize("with_former", [True, False], ids=["with former", "first"])
@pytest.mark.parametrize(("former", "window"), WINDOWS)
def test_it_beats_the_straight_line(
    stream: Path, former: tuple[str, str, int], window: tuple[str, str, int], with_former: bool
) -> None:
    before = history(stream, former) if with_former else None
    found = [each for each in backtest(trial_of("calls", history(stream, window), before)) if each.is_conclusive]
    assert found
    assert min(each.skill or 0.0 for each in found) >= -0.03
    assert sum(each.skill or 0.0 for each in found) / len(found) >= 0.1
