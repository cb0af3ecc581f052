"""One source maintains the roster: a second one would overwrite its changes, and people would leave and come back."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from apps.core.errors import Refused
from apps.core.secret_files import Environment
from apps.employees.models import Employee
from apps.roster import imports
from apps.roster.models import RosterImport, RosterSource
from apps.roster.undo import undo_load
from tests.people import TESTER
from tests.roster.test_imports import NEXT
from tests.rosters import applied, confirmed, looked, worked

pytestmark = pytest.mark.django_db
SENTENCES = {
    "api": "A program loads the roster through the API (ROSTER_SOURCE=api). Change it there.",
    "scim": "The company directory maintains the roster (ROSTER_SOURCE=scim). Change it there.",
}


@pytest.mark.parametrize("source", SENTENCES)
def test_a_file_is_refused_with_the_name_of_the_setting(
    company: dict[str, Employee], settings: Any, source: str
) -> None:
    settings.ROSTER_SOURCE = source
    with pytest.raises(Refused) as refused:
        imports.receive_upload(name="roster.csv", content=[NEXT.encode()], by=TESTER)
    assert (refused.value.code, refused.value.message) == ("roster_source", SENTENCES[source])
    assert not RosterImport.objects.filter(file__isnull=False).exists()


def test_a_program_is_refused_where_files_are_loaded(company: dict[str, Employee]) -> None:
    with pytest.raises(Refused, match="ROSTER_SOURCE=file"):
        imports.receive_upload(name="roster.csv", content=[NEXT.encode()], source=RosterSource.API, by=TESTER)


@pytest.mark.parametrize("source", SENTENCES)
def test_the_command_is_refused_but_still_says_what_a_file_would_change(
    company: dict[str, Employee], settings: Any, source: str, tmp_path: Any, capsys: Any
) -> None:
    settings.ROSTER_SOURCE = source
    file = tmp_path / "roster.csv"
    file.write_text(NEXT, encoding="utf-8")
    with pytest.raises(CommandError, match=f"ROSTER_SOURCE={source}.*Nothing was changed"):
        call_command("import_roster", str(file))
    assert not Employee.objects.filter(staff_no="N001").exists()
    call_command("import_roster", str(file), "--dry-run")
    assert "1 created" in capsys.readouterr().out


def test_a_file_from_before_the_change_of_the_setting_is_not_applied(
    company: dict[str, Employee], settings: Any
) -> None:
    shown = looked(NEXT)
    settings.ROSTER_SOURCE = "scim"
    with pytest.raises(Refused, match="ROSTER_SOURCE=scim"):
        imports.confirm(shown, digest=shown.digest, by=TESTER)


def test_a_file_that_waits_for_a_worker_is_not_applied_after_the_change(
    company: dict[str, Employee], settings: Any
) -> None:
    load = confirmed(NEXT)
    settings.ROSTER_SOURCE = "api"
    assert worked(load).report["problem"] == {"code": "roster_source"}
    assert load.state == RosterImport.State.REFUSED
    assert not Employee.objects.filter(staff_no="N001").exists()


def test_a_load_is_not_undone_over_the_changes_of_another_source(company: dict[str, Employee], settings: Any) -> None:
    load = applied(NEXT)
    settings.ROSTER_SOURCE = "scim"
    with pytest.raises(Refused, match="ROSTER_SOURCE=scim"):
        undo_load(load_id=load.pk, by=TESTER)
    settings.ROSTER_SOURCE = "file"
    undo_load(load_id=load.pk, by=TESTER)


def test_a_misspelt_source_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTER_SOURCE", "csv")
    with pytest.raises(ImproperlyConfigured, match="ROSTER_SOURCE is 'csv'; it can be file, api, scim"):
        Environment().choice("ROSTER_SOURCE", ("file", "api", "scim"), "file")
