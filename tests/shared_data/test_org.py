"""Rosters that other people wrote."""

import random
from pathlib import Path

import pytest
from django.core.management import call_command

from apps.employees.models import Employee, TreeNode
from tests import plugin
from tests.commands import run
from tests.people import person

pytestmark = [pytest.mark.shared, pytest.mark.django_db]
ORG = plugin.SHARED / "data" / "org"


def tree() -> list[tuple[object, ...]]:
    rows = TreeNode.objects.order_by("first").values_list("employee__staff_no", "depth", "first", "last", "department")
    return list(rows)


def test_107_people_of_a_real_company_stand_below_their_root() -> None:
    assert run("import_roster", ORG / "roster-oracle-hr.csv")["created"] == 107
    assert Employee.objects.team_of(person("100")).count() == 106
    levels = [TreeNode.objects.filter(depth=depth).count() for depth in range(4)]
    assert levels == [1, 14, 82, 10]
    assert person("178").current_department == ""
    assert run("import_roster", ORG / "roster-oracle-hr.csv")["unchanged"] == 107


def test_the_order_of_lines_does_not_decide_who_stands_where(tmp_path: Path) -> None:
    header, *lines = (ORG / "roster-oracle-hr.csv").read_text(encoding="utf-8").splitlines()
    seed = 107
    print(f"seed {seed}")
    random.Random(seed).shuffle(lines)
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text("\n".join([header, *lines]), encoding="utf-8")
    assert run("import_roster", shuffled)["created"] == 107
    mixed = tree()
    assert run("import_roster", ORG / "roster-oracle-hr.csv")["unchanged"] == 107
    assert tree() == mixed
    assert Employee.objects.team_of(person("100")).count() == 106


def test_a_department_with_a_comma_stays_one_department() -> None:
    assert run("import_roster", ORG / "roster-northwind.csv")["created"] == 9
    assert person("2").current_department == "Vice President, Sales"
    assert Employee.objects.team_of(person("2")).count() == 8


@pytest.mark.parametrize(
    ("name", "head", "others"), [("roster-oracle-hr.csv", "100", 106), ("roster-northwind.csv", "2", 8)]
)
def test_an_export_without_the_head_of_the_company_says_that_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, head: str, others: int
) -> None:
    header, *lines = (ORG / name).read_text(encoding="utf-8").splitlines()
    headless = tmp_path / "headless.csv"
    headless.write_text("\n".join([header, *(line for line in lines if not line.startswith(f"{head},"))]))
    with pytest.raises(SystemExit) as ended:
        call_command("import_roster", str(headless))
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert out == f"Nothing was loaded: all {others} rows were rejected.\n"
    assert f"no employee has the number {head}; {others - 1} more rows depend on it and are not loaded either." in err
    assert err.count("no employee has the number") == 1
    told = run("import_roster", headless, "--without-unknown-managers")
    assert (told["created"], told["rejected"]) == (others, 0)
    assert told["without_manager"] == TreeNode.objects.filter(depth=0).count() > 1
