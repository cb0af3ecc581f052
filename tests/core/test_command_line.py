"""The output of every command: complete sentences, progress bars with a total, and no traceback for bad input."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.campaigns.models import Campaign
from apps.core.management import base
from apps.employees.models import Employee
from tests.commands import say
from tests.people import ROSTER

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no campaign is open", "no campaign is open."),
        ("Done.", "Done."),
        ("Really? ", "Really?"),
        ("and 7 more (--json lists them all)", "and 7 more (--json lists them all)."),
        ("", ""),
    ],
)
def test_a_sentence_ends_with_one_full_stop(text: str, expected: str) -> None:
    assert base.with_full_stop(text) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ("grant_role", "X404", "hr"),
        ("end_sessions", "X404"),
        ("reset_second_factor", "X404"),
        ("unbind_sign_on", "X404"),
        ("invite_employees", "--staff-no", "X404"),
        ("revoke_token", "X404"),
        ("create_token", "X404", "--scope", "own", "--name", "x"),
        ("cancel_campaign", "--reason", "x"),
        ("cancel_campaign", "--campaign", "none", "--reason", "x"),
        ("mark_standings",),
        ("export_standings",),
        ("export_standings", "--campaign", "none"),
        ("freeze_campaign",),
        ("recount",),
        ("public_key", "--campaign", "none"),
        ("public_key", "--result", "1"),
        ("demo_sign_ins",),
        ("seed_demo", "--employees", "0"),
        ("seed_demo", "--employees", "99999999999"),
        ("import_roster", "missing.csv"),
        ("import_contacts", "missing.csv"),
        ("import_contacts", "missing.csv", "--employee", "X404"),
        ("erase_contact", "--file", "missing.txt"),
        ("verify_freeze", "missing.csv"),
        ("reseal_second_factors",),
        ("retention", "--at", "2030-01-01T00:00:00Z"),
        ("open_campaign", "--name", "N", "--opens", "2026-11-01", "--deadline", "2026-10-01"),
        ("open_campaign", "--name", "N", "--opens", "2026-11-01", "--deadline", "2026-11-30", "--time-zone", "Mars"),
        ("open_campaign", "--name", "N", "--opens", "2026-11-01", "--deadline", "2026-11-30", "--target", "-1"),
        ("open_campaign", "--name", "N", "--opens", "2026-11-01", "--deadline", "2026-11-30", "--target", "9" * 30),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as refused:
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())
    message = str(refused.value)
    assert message.endswith((".", "!", "?")), message
    assert "\n" not in message
    assert refused.value.returncode in (1, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ("export_standings", "--result", "9" * 30),
        ("export_standings", "--output", "no/such/folder.csv"),
        ("export_standings", "--output", "."),
        ("public_key", "--campaign", "november", "--result", "9" * 30),
        ("create_token", "A001", "--scope", "own", "--name", "x", "--days", "9" * 30),
        ("create_token", "A001", "--scope", "own", "--name", "x", "--days", "-1"),
    ],
    ids=" ".join,
)
def test_a_too_large_number_or_a_folder_gives_a_sentence_and_no_traceback(
    arguments: tuple[str, ...], campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as refused:
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())
    assert str(refused.value).endswith(".")


class Bars:
    """The bars that were shown: unit, total and progress of each."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, int | None, int]] = []

    @contextmanager
    def bar(self, unit: str, total: int | None = None) -> Iterator[Any]:
        at = [0, total]

        def progress(done: int, of: int | None = None) -> None:
            at[:] = [done, of if of is not None else at[1]]

        yield progress
        self.shown.append((unit, at[1], at[0] or 0))


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Bars:
    recorder = Bars()
    monkeypatch.setattr(base.AppCommand, "progress_bar", lambda _self, unit, total=None: recorder.bar(unit, total))
    return recorder


def test_the_progress_bars_of_imports_show_the_total(company: dict[str, Employee], bars: Bars, tmp_path: Path) -> None:
    roster, contacts, cards = tmp_path / "roster.csv", tmp_path / "contacts.csv", tmp_path / "cards.vcf"
    roster.write_text(ROSTER, encoding="utf-8")
    contacts.write_text("handle\n" + "".join(f"w{n}\n" for n in range(25)))
    cards.write_text("".join(f"BEGIN:VCARD\nFN:V{n}\nTEL:1381234{n:04}\nEND:VCARD\n" for n in range(7)))
    say("import_roster", roster)
    say("import_contacts", contacts, "--employee", "A001")
    say("import_contacts", cards, "--employee", "A001")
    [(_, of_roster, _), (_, of_contacts, recorded), (_, of_cards, read)] = bars.shown
    assert of_roster in (9, 10)
    assert (of_contacts, recorded) == (26, 25)
    assert (of_cards, read) == (7, 7)


def test_an_export_of_standings_has_a_bar(campaign: Campaign, bars: Bars, tmp_path: Path) -> None:
    say("mark_standings")
    bars.shown.clear()
    say("export_standings", "--output", tmp_path / "standings.csv")
    people = Employee.objects.count()
    assert bars.shown == [("employees", people, people)]


def test_rejects_beyond_the_first_hundred_are_counted(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("name,phone\n" + "W,none\n" * 1_338)
    _out, err = say("import_contacts", file, "--employee", "A001")
    assert sum(line.startswith("line ") for line in err.splitlines()) == 100
    assert "and 1,238 more (--rejects FILE writes them all)." in err
    _out, err = say("import_contacts", file, "--employee", "A001", "--rejects", tmp_path / "rejects.csv")
    assert "and 1,238 more." in err
