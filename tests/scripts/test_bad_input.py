"""Bad input to a command gives one line. A traceback does not help an operator, and looks like a fault."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.campaigns.models import Campaign
from apps.employees.models import Employee

NUL, SURROGATE = "\x00", "\udcff"
NOBODY = ["X404", "", NUL, SURROGATE, "9" * 10_000, "A001; DROP TABLE"]
AS_OF = [
    "yesterday", "", "2026-13-01", "2026-11-23", "2026-11-23T12:00:00", "2026-11-23T25:00:00Z", "20261123T120000",
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2099-01-01T00:00:00Z", NUL, SURROGATE, "٢٠٢٦-11-23",
]  # fmt: skip
DAYS = ["2026-02-30", "tomorrow", "", "2026-1-1", NUL, "9999-99-99"]
NUMBERS = ["-1", "0", "x", "1.5", str(2**31), str(2**63), "9" * 5_000]
FILES = ["missing.csv", "folder", "missing/folder/file.csv", "x" * 300, "empty.csv", "noise.bin", NUL, SURROGATE, ""]
OPEN = ["open_campaign", "--name", "Bad"]
TOKEN = ["create_token", "A001", "--name", "Bad", "--scope", "contacts:read"]


def cases() -> list[list[str]]:
    """Command lines with values that do not exist."""
    lines = [[name, number] for name in PERSONS for number in NOBODY]
    lines += [["grant_role", number, "hr"] for number in NOBODY] + [["grant_role", "A001", "king"]]
    lines += [["revoke_token", number] for number in NOBODY]
    lines += [["create_token", number, "--name", "x", "--scope", "contacts:read"] for number in NOBODY]
    lines += [[*TOKEN, "--days", number] for number in NUMBERS]
    lines += [["invite_employees", "--staff-no", number] for number in NOBODY if number]
    lines += [["export_standings", "--as-of", text] for text in AS_OF]
    lines += [["export_standings", "--output", name] for name in ("folder", "missing/x.csv", "x" * 300, NUL, SURROGATE)]
    lines += [["export_standings", "--result", number] for number in NUMBERS if number != "0"]
    lines += [["freeze_campaign", "--feed-until", text] for text in AS_OF if not text.startswith("2099")]
    lines += [[*OPEN, "--opens", text, "--deadline", "2026-12-31"] for text in DAYS]
    lines += [[*OPEN, "--opens", "2026-12-01", "--deadline", text] for text in DAYS]
    lines += [[*OPEN, "--opens", "2026-12-01", "--deadline", "2026-12-31", "--target", text] for text in NUMBERS]
    lines += [
        [*OPEN, "--opens", "2026-12-01", "--deadline", "2026-12-31", "--time-zone", text]
        for text in ("Mars/Olympus", "", "../../etc/passwd", NUL)
    ]
    lines += [[*OPEN, "--opens", "0001-01-01", "--deadline", "9999-12-31", "--time-zone", "Pacific/Kiritimati"]]
    lines += [
        [command, "--campaign", name]
        for command in ("export_standings", "mark_standings", "recount", "freeze_campaign", "public_key")
        for name in ("no such campaign", NUL, SURROGATE)
    ]
    lines += [["cancel_campaign", "--campaign", "no such campaign", "--reason", "x"]]
    lines += [[command, name] for command in ("import_roster", "import_contacts", "verify_freeze") for name in FILES]
    lines += [
        ["verify_freeze", "noise.bin", "--signature", "folder"],
        ["verify_freeze", "noise.bin", "--public-key", "folder"],
    ]
    lines += [["import_contacts", "noise.bin", "--employee", number] for number in NOBODY]
    lines += [
        ["import_contacts", "good.csv", "--encoding", text] for text in ("klingon", NUL, "rot13", "base64", "zip")
    ]
    lines += [["import_contacts", "good.csv", "--rejects", name] for name in ("folder", "missing/x", "x" * 300, NUL)]
    lines += [["erase_contact", "--file", name] for name in ("missing", "folder", NUL)]
    lines += [["seed_demo", "--employees", number] for number in ("-1", "0", str(2**31))]
    return lines


PERSONS = ["end_sessions", "reset_second_factor", "unbind_sign_on"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "good.csv").write_text("staff_no,name,phone\nA001,Wanda,13812345678\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.django_db
def test_bad_input_is_one_line(alice: Employee, campaign: Campaign, folder: Path) -> None:
    wrong: list[str] = []
    for words in cases():
        sentence = refusal(words)
        if sentence is None or sentence.count("\n") > 0 or "Traceback" in sentence or len(sentence) > 20_000:
            wrong.append(f"{[word[:40] for word in words]}: {sentence!r}"[:400])
    assert wrong == [], "\n".join(wrong)


def refusal(words: list[str]) -> str | None:
    """The sentence with which a command line is refused; None when it is accepted or fails in another way."""
    out: Any = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    try:
        call_command(*words, stdout=out, stderr=io.StringIO())
    except CommandError as refused:
        return str(refused)
    except SystemExit:
        return "a sentence"
    except BaseException as error:
        return f"Traceback {type(error).__name__}: {error}"
    return None
