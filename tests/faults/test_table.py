"""The table reports results, and never a proof that failed."""

from pathlib import Path

from tests.faults.table import Line, Row, append, read, table


def row(*lines: Line, wanted: int = 10, mutants: tuple[str, ...] = ("no_lock",)) -> Row:
    return Row("F1", "redis", wanted, list(lines), mutants)


def test_results_of_an_earlier_run_count_but_an_incomplete_line_does_not(tmp_path: Path) -> None:
    """A run killed during a write continues, and claims no trial without a readable line."""
    path = tmp_path / "var" / "faults.jsonl"
    for seed in (1, 5):
        append(path, Line("F1", "redis", seed, trials=4, recoveries=[0.5]))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"id": "F1", "broker": "redis", "see')
    found = row(*read(path))
    assert (found.trials, found.failures) == (8, [])
    assert "8 of 10" in table([found])


def test_a_row_with_a_failure_does_not_hold() -> None:
    found = row(Line("F1", "redis", 1, trials=5, failures=["an employee was red"]))
    assert not found.held
    assert "an employee was red" in table([found])


def test_a_mutant_that_did_not_fail_is_missed_and_the_row_does_not_hold() -> None:
    found = row(Line("F1", "redis", 1, trials=10), Line("F1", "redis", 1, mutant="no_lock", trials=5))
    assert not found.held
    assert "no lock: MISSED" in table([found])


def test_what_a_mutant_broke_is_no_failure_of_the_row() -> None:
    broken = Line("F1", "redis", 1, mutant="no_lock", trials=1, failures=["lost"], recoveries=[99.0])
    found = row(Line("F1", "redis", 1, trials=10, recoveries=[0.25, 0.75]), broken)
    assert found.held
    assert (found.trials, found.failures) == (10, [])
    shown = table([found])
    assert "no lock: caught" in shown
    assert "0.50 / 0.75" in shown


def test_a_row_that_could_not_run_gives_the_reason() -> None:
    found = row(Line("F1", "rabbitmq", 1, not_run="RabbitMQ is not installed"))
    assert "not run" in table([found])
    assert "RabbitMQ is not installed" in table([found])


def test_an_untried_mutant_is_reported_as_untried() -> None:
    assert "no lock: not tried" in table([row(Line("F1", "redis", 1, trials=10))])
