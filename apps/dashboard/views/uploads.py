"""Looking at an uploaded file with the reader's choices: its encoding, what its columns mean, what it would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from apps.contacts.previews import Preview, TooMany, preview
from apps.contacts.reading import CSV, VCARD, NoIdentityColumn, is_vcards, look, open_contacts
from apps.contacts.services import remembered_roles
from apps.contacts.vcards import needs_encoding
from apps.dashboard import words
from apps.employees.models import Employee
from apps.ledger.files import opened
from apps.ledger.models import StoredFile
from apps.ledger.tables import UnreadableFile
from apps.ledger.texts import ENCODINGS, PackedFile, UnsureEncoding, sample

EXAMPLES = 3


@dataclass(frozen=True)
class Column:
    """A column of the file: its name, some of its cells, and what it is taken for."""

    place: int
    name: str
    examples: list[str]
    role: str

    @property
    def fixed(self) -> bool:
        """Whose contact it is stands in the file, and no reader can say otherwise."""
        return self.role not in words.ROLES


@dataclass
class Looked:
    """What was found. `problem`: "" or a code that stands in the way; `readings`: what each encoding would give."""

    format: str = CSV
    encoding: str = ""
    header: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    chosen: bool = False
    headless: bool = False
    preview: Preview | None = None
    problem: str = ""
    line: int = 0
    readings: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def used(self) -> int:
        """How many columns are read."""
        return sum(bool(role) for role in self.roles)


def looked_at(stored: StoredFile, employee: Employee, asked: Mapping[str, str]) -> Looked:
    """Look at a stored upload as `asked` (encoding, role_0, role_1, ...) says, else as its bytes do."""
    found = Looked(encoding=asked.get("encoding", "") if asked.get("encoding", "") in ENCODINGS else "")
    with opened(stored) as raw:
        try:
            found.format = VCARD if is_vcards(raw) else CSV
            if found.format == CSV:
                _read_columns(found, raw, employee, asked)
            elif not found.encoding and needs_encoding(raw):
                raise UnsureEncoding("", [name for name in ENCODINGS if not name.startswith("utf-")])
            with open_contacts(
                raw, format=found.format, encoding=found.encoding, roles=found.roles or None
            ) as file:  # fmt: skip
                found.preview = preview(file, employee=employee, most=settings.MOST_CONTACTS_AT_ONCE)
        except UnsureEncoding as unsure:
            found.problem = "unsure_encoding"
            found.readings = [(name, sample(raw, name)) for name in unsure.candidates[:6]]
        except PackedFile:
            found.problem = "packed"
        except NoIdentityColumn:
            found.problem = "no_identity_column"
        except TooMany:
            found.problem = "too_many"
        except UnreadableFile as error:
            found.problem, found.line = "unreadable", error.line
    if found.preview is not None and not found.preview.total:
        found.preview, found.problem = None, "nobody"
    return found


def _read_columns(found: Looked, raw: IO[bytes], employee: Employee, asked: Mapping[str, str]) -> None:
    seen = look(raw, found.encoding, EXAMPLES)
    found.encoding, found.header, found.headless = seen.encoding, seen.header, seen.headless
    said = [asked.get(f"role_{place}") for place in range(len(seen.header))]
    found.chosen = any(role in words.ROLES for role in said)
    if found.chosen:
        # What is not offered to choose stays what the header says it is.
        found.roles = [
            role if role in words.ROLES and own in words.ROLES else own
            for role, own in zip(said, seen.roles, strict=True)
        ]
    else:
        remembered = None if seen.headless else remembered_roles(employee, seen.header)
        found.roles = remembered or seen.roles
    found.columns = [
        Column(place, _called(place, name, seen.headless), _examples(seen.rows, place), found.roles[place])
        for place, name in enumerate(seen.header)
    ]


def _called(place: int, name: str, headless: bool) -> str:
    return _("Column %(number)s") % {"number": place + 1} if headless or not name else name


def _examples(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place][:60] for row in rows if place < len(row) and row[place]][:2]
