"""A small version of every row of `make faults`, and the proof that each can fail.

One run of `python -m tests.faults --small` makes the selected rows. When one of these tests fails, employees can lose
contacts, have them twice, or appear red with enough. The full counts: docs/reliability.md.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from apps.localstack.paths import BASE_DIR
from tests.faults.scenarios.registry import REDIS, SCENARIOS, Scenario
from tests.faults.table import Line, Row, read
from tests.localstack.stack import data_folder, environment

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.xdist_group("faults")]
PATIENCE = 1800
# T3 is about seconds, and is left to `make faults`.
SMALL = [one for one in SCENARIOS if one.small]
MUTANTS = [(one, mutant) for one in SMALL for mutant in one.mutants_of(REDIS, small=True)]


class Run:
    """The results and the output of the small run."""

    def __init__(self, lines: list[Line], said: str) -> None:
        self.lines, self.said = lines, said

    def row(self, one: Scenario) -> Row:
        mine = [line for line in self.lines if line.id == one.id]
        return Row(one.id, mine[0].broker if mine else "", one.small, mine, tuple(one.mutants_of(REDIS, small=True)))


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    wanted = {one.id for item in request.session.items if isinstance(one := _parameters(item).get("one"), Scenario)}
    output = tmp_path_factory.mktemp("faults") / "faults.jsonl"
    command = [sys.executable, "-m", "tests.faults", "--small", "--broker", "redis", "--id", ",".join(sorted(wanted))]
    command += ["--trials", "0", "--output", str(output), "--seed", os.environ.get("FAULT_SEED", "0")]
    with data_folder("faults") as data:
        ours = ("PYTEST_XDIST_WORKER", "HUNDRED_TEST_DATA")
        clean = {name: value for name, value in environment(data).items() if name not in ours}
        done = subprocess.run(
            command, cwd=BASE_DIR, env=clean, timeout=PATIENCE, check=False, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        yield Run(read(output), done.stdout)


def _parameters(item: pytest.Item) -> dict[str, object]:
    return item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}


@pytest.mark.parametrize("one", SMALL, ids=lambda one: one.id)
def test_despite_the_fault_all_verdicts_equal_those_of_an_undisturbed_run(one: Scenario, run: Run) -> None:
    row = run.row(one)
    assert row.failures == [], run.said
    assert row.trials >= one.small, run.said


@pytest.mark.parametrize(("one", "mutant"), MUTANTS, ids=lambda value: getattr(value, "id", value))
def test_without_what_protects_them_the_same_trial_fails(one: Scenario, mutant: str, run: Run) -> None:
    assert run.row(one).caught(mutant), run.said


@pytest.mark.parametrize("one", SMALL, ids=lambda one: one.id)
def test_no_employee_with_enough_contacts_is_red_during_the_fault(one: Scenario, run: Run) -> None:
    """R1: and at least one employee was sampled, in every scenario with sampling."""
    counts = run.row(one).counts()
    looked = [counts.get(f"samples {where}", 0) for where in ("page", "api", "csv")]
    assert all(looked) or one.id.startswith(("C", "D", "F6", "N", "Repair")), run.said
