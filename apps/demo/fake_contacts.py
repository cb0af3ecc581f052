"""People outside the company, each a pure function of (seed, number): the same number is the same person for all
employees. Values have the form of `core.identity.normalise`, as a test verifies.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from apps.demo.names import CHINA_PHONES, FAMILIES, GIVEN, MAIL_DOMAINS, OTHER_PHONES, WESTERN_FIRST, WESTERN_LAST

WORD = (1 << 64) - 1
# Letters that are not a base letter with an accent.
LETTERS = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "đ": "d"})
# The identities of a person, in sixteen equally likely combinations; 1.4 identities on average.
KINDS = (
    (("phone",),) * 5
    + (("handle",),) * 3
    + (("email",),) * 3
    + (("phone", "handle"),) * 2
    + (("phone", "email"),) * 2
    + (("phone", "email", "handle"),)
)
WESTERN_IN_128 = 24
FOREIGN_IN_128 = 5


def mix(number: int) -> int:
    """64 well-mixed bits of a number (the finaliser of splitmix64)."""
    number = (number + 0x9E3779B97F4A7C15) & WORD
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & WORD
    return number ^ (number >> 31)


def ascii_name(name: str) -> str:
    """The lower-case ASCII letters of a Western name, as in an address."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(LETTERS))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalpha())


def front_heavy(names: Sequence[tuple[str, ...]], size: int) -> tuple[tuple[str, ...], ...]:
    """`size` names to draw from evenly, so that the first of `names` come up most often."""
    weights = [1 / (place + 8) for place in range(len(names))]
    whole, table, reached = sum(weights), list[tuple[str, ...]](), 0.0
    for name, weight in zip(names, weights, strict=True):
        reached += weight
        table += [name] * (round(reached / whole * size) - len(table))
    return tuple(table)


CHINESE_FAMILY = front_heavy(FAMILIES, 1024)
CHINESE_GIVEN = front_heavy(GIVEN, 1024)
WESTERN_FAMILY = front_heavy([(name, ascii_name(name)) for name in WESTERN_LAST], 1024)
WESTERN_GIVEN = front_heavy([(name, ascii_name(name)) for name in WESTERN_FIRST], 1024)


def full_name(bits: int, western: bool) -> tuple[str, str, str]:
    """(name as written, given name in ASCII, family name in ASCII) from 20 random bits."""
    if western:
        family, given = WESTERN_FAMILY[bits & 1023], WESTERN_GIVEN[bits >> 10 & 1023]
        return f"{given[0]} {family[0]}", given[1], family[1]
    family, given = CHINESE_FAMILY[bits & 1023], CHINESE_GIVEN[bits >> 10 & 1023]
    return family[0] + given[0], given[1], family[1]


def phone_number(prefix: tuple[str, int], number: int) -> str:
    """A number with this prefix: different for numbers less than 10 ** (free digits) apart, in no visible order."""
    digits = prefix[1]
    return f"{prefix[0]}{(number * 7_368_787 + 13_579_086) % 10**digits:0{digits}}"


def outsider(seed: int, number: int) -> tuple[str, list[tuple[str, str]]]:
    """(name, identities as (kind, value)) of the person with this number in the demo of `seed`."""
    bits = mix(seed * 0x5851F42D4C957F2D + number)
    western = bits & 127 < WESTERN_IN_128
    name, given, family = full_name(bits >> 7, western)
    abroad = western or bits >> 27 & 127 < FOREIGN_IN_128
    choice = bits >> 34
    identities = []
    for kind in KINDS[choice & 15]:
        if kind == "phone":
            prefixes = OTHER_PHONES if abroad else CHINA_PHONES
            value = phone_number(prefixes[(choice >> 4) % len(prefixes)], number)
        elif kind == "email":
            domain = MAIL_DOMAINS[(choice >> 9) % len(MAIL_DOMAINS)]
            value = f"{given}.{family}{number * 6_143 % 9_973}@{domain}"
        else:
            value = f"{given}{family[0]}_{number * 60_493 % 99_991:05}"
        identities.append((kind, value))
    return name, identities
