"""No cell of any CSV runs as a formula, with commas, semicolons or tabs as separator."""

import csv
import io
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from apps.campaigns.adjustments import bulk_upload
from apps.campaigns.models import Campaign
from apps.contacts.own_export import own_csv
from apps.core.audit import Actor, audit
from apps.core.clock import db_now as now
from apps.core.files import read_file
from apps.core.models import AuditEntry, StoredFile
from apps.employees.models import Employee
from apps.exports.audit_export import write_audit_trail
from apps.exports.kinds import KINDS
from apps.fileio import csv_injection
from apps.fileio.csv_injection import escape_formula, unescape_formula
from apps.results.freeze import freeze
from apps.roster.people_file import rejected_csv
from tests import files, people, reviewing, rosters
from tests.campaigns.test_bulk_upload import read
from tests.fixtures import Clock
from tests.people import TESTER, load, record_one

pytestmark = pytest.mark.django_db

# What a spreadsheet program runs; after an apostrophe it is text.
RUNS = re.compile(r"^[\s\"＂“”]*[=+\-@＝＋－＠]")
HOSTILE = [
    "x;=1+1", "x;=1+1;", "x;-1", 'x;"=1+1', "x; =1+1;y", "x;;;@SUM(1)", ";=1", "x,=1;+1", 'a,b;""""=1', "＝1;＝2",
    "x\t=1", "\t=1", "x\n=1", "x\r\n+1", "=1;=2", "x;\u3000=1",
]  # fmt: skip
HEADER = "staff_no,name,department,email,manager_staff_no\n"
QUOTED = "\n".join(f'H{n},"{text.replace(chr(34), chr(34) * 2)}"' for n, text in enumerate(HOSTILE))


@pytest.fixture(autouse=True)
def approved_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The approval of imports is not the subject here."""
    monkeypatch.setattr("apps.roster.loading.require_approval_if_large", lambda *given: None)


def formulas(content: bytes) -> list[str]:
    """The cells that run when the file is opened, by separator."""
    found = []
    for separator in ",;\t":
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=separator)
        found += [f"{separator!r}: {cell!r}" for row in reader for cell in row if RUNS.match(cell)]
    return found


def joined(write: Callable[[Callable[[bytes], object]], object]) -> bytes:
    pieces: list[bytes] = []
    write(pieces.append)
    return b"".join(pieces)


def kept(stored: StoredFile | None) -> bytes:
    assert stored is not None
    return b"".join(read_file(stored))


@pytest.fixture
def hostile(campaign: Campaign, alice: Employee, alan: Employee, hr: Employee, clock: Clock) -> dict[str, bytes]:
    """All CSV files that Hundred writes, for a company whose names, departments, reasons and files are attacks."""
    rows = "\n".join(
        f"{line},{line.partition(',')[2]},h{n}@corp.example.com,B001"
        for n, line in enumerate(QUOTED.replace("\n=", " =").replace("\r\n+", " +").splitlines())
    )
    load(f"{HEADER}{rows}\nA;=1,Nina,Sales,n@corp.example.com,B001\n")
    for n, text in enumerate(HOSTILE):
        record_one(alice, ("email", f"g{n}@outside.example.org"), name=text)
        audit("campaign.opened", by=Actor(None, text), kind="campaign", id=text, label=text, detail={"reason": text})
    review = reviewing.ask(campaign, alan, "x;=1")
    reviewing.answer(review, hr, "x;=1", by=Actor(None, "Hedda;=1"))
    people.ask(campaign=campaign, employee=alice, exempt=True, reason="on leave;=1+1;")
    contacts = files.handed_in(alice, f"name,phone,note;=2\n{QUOTED}\n")
    adjusted = read(f"staff_no,target,n;=1\n{QUOTED}\nX1,many,x;=1\n")
    rejected = bulk_upload.preview_file(adjusted, campaign.rule, now(), acting_employee_id=None).rejects
    bad = "R;=1,Rita;=1,Sales;=1,r@corp.example.com,none;=1"
    loaded = rosters.looked(f"{HEADER}{rows.replace('H', 'I').replace(',h', ',i')}\n{bad}\n")
    found = {
        "own contacts": b"".join(own_csv(alice)),
        "rejected contacts": kept(contacts.rejects),
        "rejected adjustments": rejected_csv(adjusted, rejected),
        "roster difference": kept(loaded.difference),
        "trail": joined(lambda write: write_audit_trail(AuditEntry.objects.with_hidden_subjects(None), "UTC", write)),
    }
    for kind, about in KINDS.items():
        if not about.frozen:
            found[kind] = kept(files.export(campaign, hr, kind).file)
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=False)
    frozen = Campaign.objects.get(pk=campaign.pk)
    return found | {kind: kept(files.export(frozen, hr, kind).file) for kind, about in KINDS.items() if about.frozen}


def test_no_cell_runs_whatever_the_separator(hostile: dict[str, bytes]) -> None:
    assert len(hostile) == len(KINDS) + 5
    assert {name: found for name, content in hostile.items() if (found := formulas(content))} == {}
    attacked = [name for name, content in hostile.items() if b";'" in content]
    assert len(attacked) > 8, "else nothing was attacked"


def test_guards_at_the_beginning_alone_would_let_formulas_run(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier implementation: the test above can fail."""
    never: Any = re.compile("(?!)()")
    monkeypatch.setattr(csv_injection, "_RUNS_INSIDE", never)
    monkeypatch.setattr("apps.exports.csv_columns.INNER_FORMULA", "(?!)()")
    found = request.getfixturevalue("hostile")
    assert len([name for name, content in found.items() if formulas(content)]) > 8


def test_quotes_around_every_text_would_not_hold() -> None:
    """COPY's FORCE_QUOTE, as a program with semicolons reads it."""
    assert formulas(b'"A1","x;=1+1;",5\r\n') == ["';': '=1+1'"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text


# The definition: what each separator is followed by, looked at on its own. It takes quadratic time.
BEGINS = r"""[\s"'＂＇‘’“”]*[-=+@\t\r＝＋－＠]"""
GUARD_BY_DEFINITION = re.compile(rf"([;\t\r\n])(?={BEGINS})")
UNGUARD_BY_DEFINITION = re.compile(rf"([;\t\r\n])'(?={BEGINS})")


def escaped_by_definition(text: str) -> str:
    inside = GUARD_BY_DEFINITION.sub(r"\1'", text)
    return f"'{inside}" if re.match(BEGINS, text) else inside


def unescaped_by_definition(text: str) -> str:
    inside = text[1:] if text.startswith("'") and re.match(BEGINS, text[1:]) else text
    return UNGUARD_BY_DEFINITION.sub(r"\1", inside)


def test_every_text_is_guarded_as_by_the_definition() -> None:
    chance = random.Random(8)
    for _text in range(30_000):
        text = "".join(chance.choices(";\t\r\n \u3000\"'’x=-＝", k=chance.randint(0, 12)))
        assert escape_formula(text) == escaped_by_definition(text), repr(text)
        assert unescape_formula(text) == unescaped_by_definition(text), repr(text)
