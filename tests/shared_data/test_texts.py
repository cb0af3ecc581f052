"""Phone numbers and addresses that other people collected. Each exception is listed with its reason."""

import csv
import re
from typing import Any

import pytest

from apps.core.identity import InvalidIdentity, normalise
from tests import plugin

pytestmark = pytest.mark.shared
TEXT = plugin.SHARED / "data" / "text"

QUOTED = "a quoted local part, which no product's contact list writes"
DISPLAYED = "an address with a display name is two fields, not one"
NFKC = "after NFKC it is the valid address somebody meant"
TRIMMED = "blanks around it are not part of it"
EXCEPTIONS = {
    '"quoted local part"@example.org': QUOTED,
    '"de-quoted.local.part"@example.org': QUOTED,
    '"unnecessary.escaped.\\x.local.part"@example.org': QUOTED,
    '"escaped.quote.\\".local.part"@example.org': QUOTED,
    "MyName <me@example.org>": DISPLAYED,
    "My Name <me@example.org>": DISPLAYED,
    '"My.\\"Na\\\\me\\".Is" <"me \\" \\\\ me"@example.org>': DISPLAYED,
    '"s\u0323\u0307" <s\u0323\u0307@nfc.tld>': DISPLAYED,
    "\uff20@fullwidth.at": "after NFKC the local part is an @ itself",
    "my@example.com\n": TRIMMED,
    "\nmy@example.com": TRIMMED,
    "me@\u2488wouldbeinvalid.com": NFKC,
    "<\u0338me@example.com": NFKC,
}


def rows(name: str) -> list[dict[str, str]]:
    with (TEXT / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def outcome(kind: str, raw: str, region: str = "CN") -> str:
    try:
        return normalise(kind, raw, region=region, key="key").value
    except InvalidIdentity:
        return ""


def unescaped(text: str) -> str:
    """The file writes lone surrogates as \\udXXX."""
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


def test_every_phone_number_of_245_regions_gives_its_e164() -> None:
    numbers = rows("phones.csv")
    wrong = [
        (row, found)
        for row in numbers
        if (found := outcome("phone", row["input"], row["region"])) != row["expected_e164"]
    ]
    assert len(numbers) == 2019
    assert wrong == []


def test_addresses_are_taken_and_refused_as_collected() -> None:
    wrong: list[Any] = []
    for row in rows("emails.csv"):
        address = unescaped(row["address"])
        taken = bool(outcome("email", address))
        if row["expected"] == "arguable" or taken == (row["expected"] == "valid"):
            continue
        # One of exactly 254 characters counts as too long in NFD; in NFKC, as it is stored, it is short enough.
        if address not in EXCEPTIONS and not (row["expected"] == "refused" and len(address) == 254):
            wrong.append((row["expected"], row["from_test"], ascii(address)))
    assert wrong == []


def test_every_listed_exception_still_is_one() -> None:
    expected = {unescaped(row["address"]): row["expected"] for row in rows("emails.csv")}
    for address in EXCEPTIONS:
        assert bool(outcome("email", address)) != (expected[address] == "valid"), ascii(address)
