"""Files of contacts out of a seeded random generator, written once into var/bench, with what must become of them."""

from __future__ import annotations

import base64
import csv
import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

SEED = 20261130
# Prefixes of three digits whose numbers are always valid.
PREFIXES = (
    130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 145, 147, 150, 151, 152, 153, 155, 156, 157, 158, 159, 162, 165,
    166, 167, 170, 171, 172, 173, 175, 176, 177, 178, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 193,
)  # fmt: skip
FAMILIES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰建国海燕"
LATIN = ("Anna", "Boris", "Chloé", "Daniel", "Elena", "Frank", "Grace", "Hugo", "Ingrid", "João")
DOMAINS = [f"company{number}.example" for number in range(150)] + [f"mail{number}.org.cn" for number in range(50)]
# The distance between rows that repeat an earlier one, and between rows with an invalid address.
REPEATED, UNUSABLE = 200, 500
CARDS, PHOTO = 500, 2_880
# The people on cards differ from those in tables.
FIRST_ON_CARDS = 90_000_000


class Row(NamedTuple):
    """A line of the file, and what must become of it."""

    staff_no: str
    name: str
    phone: str
    email: str
    outcome: str


@dataclass(frozen=True)
class Made:
    """A file and the counts that its import must report."""

    path: Path
    read: int
    created: int
    duplicate: int
    rejected: int

    def counts(self) -> dict[str, int]:
        return {name: count for name, count in asdict(self).items() if name != "path"}


def rows(count: int, employees: int, *, first: int = 0) -> Iterator[Row]:
    """`count` people in no order of employees, as a system's own export has them; `first` makes other people."""
    chance = random.Random(f"{SEED} {first}")
    last = None
    for place in range(count):
        if last and place % REPEATED == REPEATED - 1:
            yield last._replace(phone=f"+86 {last.phone[-11:]}", outcome="duplicate")
            continue
        number = first + place
        row = Row(
            f"BENCH-{chance.randint(1, employees):06}", _name(chance), _phone(number, chance), _email(number, chance),
            "created",
        )  # fmt: skip
        if place % UNUSABLE == UNUSABLE - 1 - REPEATED // 2:
            yield row._replace(email="no address", outcome="rejected")
            continue
        # Repeated contacts are spelled in another way.
        last = row if row.phone.isdigit() else last
        yield row


def _name(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return f"{chance.choice(LATIN)} {chance.choice('BDFGKLMNPRST')}. Example"
    return chance.choice(FAMILIES) + chance.choice(GIVEN) + chance.choice(GIVEN)


def _phone(number: int, chance: random.Random) -> str:
    """Different numbers below 10^8 give different phones; one in five has a country code or groups."""
    # Odd and no multiple of five: multiplying runs through all remainders.
    behind = f"{number * 48_271_813 % 10**8:08}"
    digits = f"{PREFIXES[number % len(PREFIXES)]}{behind}"
    style = chance.random()
    if style < 0.1:
        return f"+86{digits}"
    return f"{digits[:3]}-{digits[3:7]}-{digits[7:]}" if style < 0.2 else digits


def _email(number: int, chance: random.Random) -> str:
    return f"{chance.choice('abcdefgh')}.person{number}@{chance.choice(DOMAINS)}"


def table_file(folder: Path, count: int, employees: int, *, first: int = 0) -> Made:
    """A CSV of `rows`, made unless it is there."""
    path = folder / f"contacts-{count}-{employees}-{first}-{SEED}.csv"
    told = path.with_suffix(".json")
    if not told.exists():
        outcomes = dict.fromkeys(("created", "duplicate", "rejected"), 0)
        with _whole(path) as file:
            writer = csv.writer(file)
            writer.writerow(Row._fields[:-1])
            for row in rows(count, employees, first=first):
                outcomes[row.outcome] += 1
                writer.writerow(row[:-1])
        with _whole(told) as file:
            json.dump(outcomes, file)
    return Made(path, count, **json.loads(told.read_text(encoding="utf-8")))


def new_file(folder: Path, count: int, employees: int) -> Made:
    """A new CSV of those of `count` rows that are unused and valid."""
    path, created = folder / f"new-{count}-{employees}-{SEED}.csv", 0
    with _whole(path) as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields[:-1])
        for row in rows(count, employees):
            if row.outcome == "created":
                writer.writerow(row[:-1])
                created += 1
    return Made(path, created, created, 0, 0)


def card_file(folder: Path, cards: int = CARDS) -> Made:
    """Cards with photos, 500 in about 2 MB, as a phone's address book leaves them; made unless they are there."""
    path = folder / f"cards-{cards}-{SEED}.vcf"
    if not path.exists():
        chance = random.Random(SEED)
        with _whole(path) as file:
            for number in range(FIRST_ON_CARDS, FIRST_ON_CARDS + cards):
                file.write(_card(number, chance))
    return Made(path, cards, cards, 0, 0)


def _card(number: int, chance: random.Random) -> str:
    name, photo = _name(chance), base64.b64encode(chance.randbytes(PHOTO)).decode()
    folded = "\r\n ".join(photo[start : start + 74] for start in range(0, len(photo), 74))
    return (
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nN:{name};;;;\r\nFN:{name}\r\n"
        f"TEL;TYPE=CELL:{_phone(number, chance)}\r\nEMAIL;TYPE=INTERNET:{_email(number, chance)}\r\n"
        f"PHOTO;ENCODING=b;TYPE=JPEG:\r\n {folded}\r\nEND:VCARD\r\n"
    )


@contextmanager
def _whole(path: Path) -> Iterator[IO[str]]:
    """A file to write that appears only when it is complete."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        yield file
    unfinished.replace(path)
