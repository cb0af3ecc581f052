"""The benchmarks run from nothing, count correctly and report every figure. Tests ignore the speed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.localstack.paths import BASE_DIR
from tests import plugin
from tests.bench.database import FOREIGN
from tests.bench.exports import FORMS
from tests.bench.figures import Figure, Goal, compared, table
from tests.bench.peaks import WHAT
from tests.bench.running import WrongCount, expect
from tests.bench.teams import CHARTS, OF_COMPANY

B4 = {"B4.idle", "B4.busy", "B4.crowd"}
B5 = {
    "B5.rate", "B5.share", "B5.again", "B5.memory", "B5.memory_growth", "B5.memory_growth_read", "B5.vcards", "B5.sql",
}  # fmt: skip
B6 = {
    "B6.csv",
    "B6.stored",
    "B6.as_of",
    "B6.export",
    *(f"B6.{what}.{form}" for what in ("memory", "rate") for form in FORMS),
}
B1 = {"B1", "B1.workers", "B1.6000", "B2", "B3.300", "B3.600", "B12.mark", "B12.import", "B12.csv", "B17"}
B7 = {"B7.page", "B7.p99", "B7.list"}
B8 = {"B8.8", *(f"B8.{team}{chart}" for team in ("large", "huge") for chart in ("", *(f".{key}" for key in CHARTS)))}
B9 = {"B9.page", "B3.2000", *(f"B9.{key}" for key in OF_COMPANY)}
B10 = {"B10.errors", "B10.p99", "B10.exact"}
B11 = {"B11.start", "B11.idle", "B11.idle.web", "B11.idle.worker", "B11.idle.beat"}
B13 = {"B13.import", "B13.csv", "B13.weight"}
B15 = {f"B15.{job}" for job in WHAT}
B16 = {"B16.plan", "B16.send", "B16.memory"}
B14 = {"B14.sql", "B14.again", "B14.look"}


def bench(output: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name not in plugin.OURS}
    clean |= {"HUNDRED_DATA": str(plugin.PATHS.data / f"bench-{plugin.DATABASE}"), "SIZE": "small", **environment}
    command = [sys.executable, "-m", "tests.bench", "--output", str(output)]
    return subprocess.run(command, cwd=BASE_DIR, env=clean, check=False, capture_output=True, text=True)


@pytest.mark.stack
@pytest.mark.xdist_group("stack")
def test_the_small_size_runs_from_nothing_and_counts_right(tmp_path):
    done = bench(tmp_path / "bench.json")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "bench.json").read_text())
    assert set(result) == B1 | B4 | B5 | B6 | B7 | B8 | B9 | B10 | B11 | B13 | B14 | B15 | B16
    for name, figure in result.items():
        assert list(figure) == ["value", "unit", "reference", "ratio", "goal", "ok"]
        # The goal of errors is zero. Work that takes no longer with more contacts has an exponent below zero.
        assert figure["value"] > 0 or name == "B10.errors" or name.startswith("B12."), name
        assert f"\n{name} " in done.stdout
    left = plugin.PATHS.data / f"bench-{plugin.DATABASE}"
    assert not list(left.glob("bench-*")), "its database is deleted"


@pytest.mark.stack
@pytest.mark.django_db(transaction=True)
def test_a_database_with_other_people_is_left_alone(tmp_path):
    plugin.run_as_owner("INSERT INTO employees_employee (staff_no, name, email, phone, time_zone)"
                        " VALUES ('A001', 'Alice', 'alice@corp.example.com', '', '')")  # fmt: skip
    url, owner = (plugin.PATHS.database_url(role, plugin.DATABASE) for role in ("app", "owner"))
    done = bench(tmp_path / "bench.json", BENCH_DATABASE_URL=url, BENCH_DATABASE_OWNER_URL=owner)
    assert (done.returncode, done.stderr.strip()) == (1, FOREIGN)
    assert plugin.run_as_owner("SELECT staff_no FROM employees_employee") == [("A001",)]


def test_a_wrong_count_is_an_error_that_names_it():
    expect("import", {"read": 5, "created": 5}, {"read": 5})
    with pytest.raises(WrongCount, match="import: created is 4, not 5"):
        expect("import", {"read": 5, "created": 4}, {"read": 5, "created": 5})


@pytest.mark.parametrize(
    ("figure", "ok"),
    [
        (Figure("x", "", 8_000, "rows/s", goal=Goal("value", ">=", 8_000)), True),
        (Figure("x", "", 200, "MB", goal=Goal("value", "<", 200)), False),
        (compared("x", "", 88, "MB", 80, Goal("ratio", "<=", 1.1)), True),
        (compared("x", "", 89, "MB", 80, Goal("ratio", "<=", 1.1)), False),
        (compared("x", "", 89, "MB", 80), None),
    ],
)
def test_a_goal_is_met_or_missed(figure, ok):
    assert figure.ok is ok
    assert table([figure]).split()[-1] == {True: "ok", False: "missed", None: "-"}[ok]


def test_the_table_is_aligned():
    lines = table([Figure("a", "one", 1, "s"), compared("bb", "another", 12_345, "rows/s", 5)]).splitlines()
    assert lines == [
        "id  what      value  unit    reference  ratio  goal  ok",
        "a   one        1.00  s               -      -  -     -",
        "bb  another  12,345  rows/s       5.00  2,469  -     -",
    ]
