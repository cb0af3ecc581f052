"""Commands as a shell runs them: the exit status, what goes to which stream, and never a traceback."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from django.core.management import execute_from_command_line

from apps.employees.models import Employee
from apps.localstack.paths import BASE_DIR
from tests.people import ROSTER, november


@pytest.fixture
def shell(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a whole command line; return its exit status, standard output and standard error. Never a traceback."""
    monkeypatch.chdir(tmp_path)

    def manage(*arguments: str) -> tuple[int, str, str]:
        out, err, status = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                execute_from_command_line(["manage.py", *arguments])
            except SystemExit as ended:
                status = int(ended.code or 0)
        out.flush()
        return status, out.buffer.getvalue().decode(), err.getvalue()

    return manage


def test_the_five_commands_as_a_script_runs_them(shell: Any, tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (tmp_path / "contacts.csv").write_text("staff_no,name,handle\nA001,W,ww\nX404,V,vv\n", encoding="utf-8")
    told = {}
    for name, *arguments in (
        ("import_roster", "roster.csv"),
        ("open_campaign", "--name", "N", "--opens", "2026-01-01", "--deadline", "2036-12-31"),
        ("import_contacts", "contacts.csv"),
        ("mark_standings",),
        ("recount",),
    ):
        status, out, err = shell(name, *arguments, "--json")
        assert (status, out.count("\n")) == (0, 1), err
        told[name] = json.loads(out)
    assert (told["import_roster"]["created"], told["import_contacts"]["created"]) == (9, 1)
    assert (told["mark_standings"]["counted"], told["recount"]["differences"]) == (1, 0)
    status, out, _err = shell("export_standings")
    assert status == 0
    assert out.startswith("\ufeffstaff_no,name,email")
    assert len(out.splitlines()) == 10


def test_bad_arguments_are_answered_with_a_status_and_a_sentence(shell: Any) -> None:
    for arguments, status, words in (
        (["import_roster"], 2, "required"),
        (["import_roster", "missing.csv"], 1, "No such file"),
        (["import_contacts", "missing.csv", "--format", "ods"], 2, "invalid choice"),
        (["open_campaign", "--name", "N", "--opens", "1.11.2026", "--deadline", "2026-11-30"], 2, "is not a date"),
        (["grant_role", "A001", "king"], 2, "invalid choice"),
        (["recount"], 1, "no campaign is open"),
    ):
        found, out, err = shell(*arguments)
        assert found == status, (arguments, err)
        assert words in err
        assert out == ""


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_has_seen_enough_ends_the_export_quietly(company: dict[str, Employee]) -> None:
    november()
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, str(BASE_DIR / "manage.py"), "export_standings"]
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    assert done.stderr == ""
