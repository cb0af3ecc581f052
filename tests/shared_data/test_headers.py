"""Headers that people collected from real exports."""

import csv
from pathlib import Path

import pytest

from apps.contacts.columns import VOCABULARY, PersonReader, recognise
from tests import plugin

pytestmark = pytest.mark.shared
FOLDER = plugin.SHARED / "data" / "csv"
NAMES = {
    "firstname": "given_name", "middlename": "middle_name", "surname": "family_name", "nickname": "nickname",
    "name": "name", "organization": "organization",
}  # fmt: skip
# Lines that people of one company share, or somebody else's: unused, as in a vCard.
NOT_THEIRS = ("fax", "pager", "assistente")


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_every_collected_header_of_a_person_means_what_was_collected() -> None:
    collected = rows(FOLDER / "contact-export-headers.csv")[1:]
    wrong = []
    for _language, word, meaning in collected:
        kind = meaning.partition(":")[0]
        role = kind if kind in ("phone", "email") else NAMES.get(meaning, "")
        if any(part in word.lower() for part in NOT_THEIRS):
            role = ""
        if recognise([word]) != [role]:
            wrong.append((word, meaning, recognise([word])))
        if role or kind == "phone":
            assert word.lower().rstrip(" 23") in VOCABULARY, word
    assert wrong == []
    assert len(collected) == 83


def test_googles_older_export_gives_its_person() -> None:
    header, row = rows(FOLDER / "google-old-header.csv")
    name, identities = PersonReader(recognise(header), header).person(row)
    assert name == "Prefix Firstname Middle Lastname Suffix"
    assert identities[:4] == (
        ("email", "home@aaa.pl"), ("email", "work@email.pl"),
        ("email", "unknown@email.com"), ("email", "other@email.com"),
    )  # fmt: skip
    assert [text for kind, text in identities if kind == "phone"] == [
        "mainphone", "homephone", "mobile", "workphone",
    ]  # fmt: skip


def test_outlooks_export_gives_its_people_without_their_faxes() -> None:
    header, *lines = rows(FOLDER / "outlook-header.csv")
    people = [PersonReader(recognise(header)).person(line) for line in lines]
    assert [name for name, _identities in people] == ["Adam Glacius", "Daniel Ireland", "Duncan Amey"]
    assert people[0][1] == (
        ("email", "adam.glacius@anycom.com"), ("email", "adam.g@example.com"), ("email", "ag@glacius.com"),
        ("phone", "+1 555 3227 8544"), ("phone", "+1 555 3227 8545"), ("phone", "+1 555 3227 8546"),
        ("phone", "+1 555 3227 8547"), ("phone", "+1 555 3227 8548"),
    )  # fmt: skip
    assert people[1][1] == (("email", "danielireland@restty.com"), ("phone", "+1 555 3227 8543"))
