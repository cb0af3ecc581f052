"""A real stream of calls, counted apart from this program: who is red on it must be exactly who is red here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from tests.commands import run
from tests.shared_data.calls import CALLS, IN_2004, IN_2005, exported, load, open_and_mark, said, truth

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """The stream loaded and marked in both campaigns, once for this module; yields what the commands told."""
    with django_db_blocker.unblock(), transaction.atomic():
        told = {"contacts": load(CALLS / "contacts.csv")}
        told |= {campaign["name"]: open_and_mark(campaign) for campaign in (IN_2004, IN_2005)}
        yield told
        transaction.set_rollback(True)


def test_every_call_of_the_stream_is_recorded_once(house: dict[str, Any]) -> None:
    expected = {"read": 10512, "created": 10512, "updated": 0, "unchanged": 0, "duplicate": 0, "rejected": 0}
    assert house["contacts"] == expected | {"left": 0, "rejects": []}


@pytest.mark.parametrize(("campaign", "red"), [(IN_2004, 67), (IN_2005, 47)], ids=["2004", "2005"])
def test_all_91_people_are_counted_as_somebody_else_counted_them(
    house: dict[str, Any], db: None, tmp_path: Path, campaign: dict[str, str], red: int
) -> None:
    rows = exported(campaign["name"], tmp_path)
    assert said(rows) == truth(campaign)
    assert len(rows) == 91
    assert sum(row["red"] == "yes" for row in rows) == red
    assert house[campaign["name"]]["red"] == red


def test_a_look_back_from_2005_shows_who_was_red_in_2004(house: dict[str, Any], db: None, tmp_path: Path) -> None:
    rows = exported(IN_2005["name"], tmp_path, "--as-of", "2004-12-01T00:00:00Z")
    assert said(rows) == truth(IN_2004)
    assert {row["as_of"] for row in rows} == {"2004-12-01T00:00:00.000000+00:00"}


@pytest.mark.parametrize("campaign", [IN_2004, IN_2005], ids=["2004", "2005"])
def test_a_recount_of_the_stream_finds_nothing_to_correct(
    house: dict[str, Any], db: None, campaign: dict[str, str]
) -> None:
    assert run("recount", "--campaign", campaign["name"])["differences"] == 0


def test_the_same_stream_again_adds_nobody(house: dict[str, Any], db: None, tmp_path: Path) -> None:
    told = run("import_contacts", CALLS / "contacts.csv", "--trust-times")
    assert (told["created"], told["updated"], told["duplicate"]) == (0, 0, 10512)
    assert run("import_roster", CALLS / "roster.csv")["unchanged"] == 91
    assert run("mark_standings", "--campaign", IN_2004["name"])["turned_red"] == 0
    assert said(exported(IN_2004["name"], tmp_path)) == truth(IN_2004)
