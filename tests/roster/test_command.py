"""The import command reports a cause once, and does not report success when nothing was loaded."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.employees.models import Employee
from tests.accounts.access_log_entries import HEADER, boss_of
from tests.commands import run, say

pytestmark = pytest.mark.django_db
# An export without the manager at the top of the tree.
HEADLESS = HEADER + "1,One,1@corp.example.com,0\n" + "".join(
    f"{n},N{n},{n}@corp.example.com,{n // 2}\n" for n in range(2, 311)
)  # fmt: skip


@pytest.fixture
def roster(tmp_path: Path) -> Any:
    """Write a roster file and return its path."""

    def written(content: str | bytes) -> Path:
        file = tmp_path / "roster.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return written


def test_nobody_is_loaded_below_an_unknown_manager_and_the_status_says_so(roster: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        run("import_roster", roster(HEADLESS))
    assert ended.value.code == 1
    assert not Employee.objects.exists()


def test_what_is_said_of_310_rejected_rows_is_one_line(roster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("import_roster", str(roster(HEADLESS)))
    out, err = capsys.readouterr()
    assert out == "Nothing was loaded: all 310 rows were rejected.\n"
    why = "no employee has the number 0; 309 more rows depend on it and are not loaded either."
    assert [line for line in err.splitlines() if line] == [
        f"line 2, One (1), manager_staff_no: {why}",
        "--without-unknown-managers loads them without a manager.",
    ]


def test_they_can_be_loaded_without_a_manager(roster: Any) -> None:
    told = run("import_roster", roster(HEADLESS), "--without-unknown-managers")
    assert (told["created"], told["rejected"], told["without_manager"], told["rejects"]) == (310, 0, 1, [])
    assert (boss_of("1"), boss_of("2"), boss_of("310")) == (None, "1", "155")
    _out, err = say("import_roster", roster(HEADLESS), "--without-unknown-managers")
    assert "line 2: no employee has the number 0, so this one is loaded without a manager." in err


def test_some_of_them_loaded_is_status_0_and_the_json_names_causes_first(roster: Any) -> None:
    told = run(
        "import_roster", roster(HEADER + "3,C,3@corp.example.com,2\n2,B,2@corp.example.com,0\n4,D,4@c.example.com,")
    )
    assert (told["created"], told["rejected"]) == (1, 2)
    assert [(one["line"], one["code"]) for one in told["rejects"]] == [(3, "unknown_manager"), (2, "manager_rejected")]
    assert told["rejects"][0]["reason"].endswith("1 more row depends on it and is not loaded either")


@pytest.mark.parametrize(("content", "why"), [(HEADER, "the file has no rows"), (HEADER + "1,,,", "all 1 rows were")])
@pytest.mark.parametrize(("options", "verb"), [((), "was"), (("--dry-run",), "would be")])
def test_a_file_of_which_nothing_is_loaded_says_so_and_is_no_success(
    roster: Any, capsys: pytest.CaptureFixture[str], content: str, why: str, options: tuple[str, ...], verb: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("import_roster", str(roster(content)), *options)
    assert ended.value.code == 1
    assert capsys.readouterr().out.startswith(f"Nothing {verb} loaded: {why}")


def test_the_same_file_again_is_a_success(roster: Any) -> None:
    file = roster(HEADER + "1,One,1@corp.example.com,")
    assert run("import_roster", file)["created"] == 1
    assert run("import_roster", file)["unchanged"] == 1


def test_the_rest_behind_the_first_hundred_is_counted(roster: Any) -> None:
    rows = "".join(f"{n},N{n},no address,\n" for n in range(150))
    _out, err = say("import_roster", roster(HEADER + rows + "X,X,x@corp.example.com,"))
    assert sum(line.startswith("line ") for line in err.splitlines()) == 100
    assert "and 50 more." in err


@pytest.mark.parametrize("name", ["windows-1250", "cp1250", "CP1250"])
def test_a_roster_in_an_old_code_page_is_refused_until_it_is_named(roster: Any, name: str) -> None:
    file = roster((HEADER + "1,Łukasz Żółć,1@corp.example.com,\n").encode("cp1250"))
    with pytest.raises(
        CommandError, match=r"not UTF-8 text.*Name its encoding: --encoding \w+.*Nothing was changed\.$"
    ):
        run("import_roster", file)
    assert run("import_roster", file, "--encoding", name)["created"] == 1
    assert Employee.objects.get().name == "Łukasz Żółć"


def test_an_encoding_that_is_none_is_one_sentence(roster: Any) -> None:
    with pytest.raises(CommandError, match=r"klingon is not a supported encoding.*\. Nothing was changed\.$"):
        run("import_roster", roster(HEADER), "--encoding", "klingon")
