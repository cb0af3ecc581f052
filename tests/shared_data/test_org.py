"""Rosters that other people wrote."""

import random
from pathlib import Path

import pytest

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
