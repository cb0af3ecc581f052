"""Normalise identities and compute their digests: pure functions, without Django or a database.

An identity identifies the person of a contact or an employee: a phone number, an e-mail address or a handle. Every
import and form calls `normalise`, so two spellings of one identity always have the same digest. The value keeps more of
the spelling than the digest: an e-mail address keeps its "+tag", which `comparable_email` removes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email

KINDS = ("phone", "email", "handle")
NAME_LIMIT = 200
# Longer than any phone number, address (254) or handle. Longer texts are refused without parsing.
RAW_LIMIT = 320
HANDLE_LIMIT = 64
HANDLE_SHAPE = re.compile(r"^[^\s@:/\\<>\"']{1,64}$")
# The most common shapes, for a fast path. Only a part decides: the first five digits of a Chinese mobile number, or the
# domain of an address. Tests compare the shortcuts below with the libraries.
MOBILE = re.compile(r"(\+86[ -]?)?(1[3-9]\d)([ -]?)(\d{2})(\d{2})\3(\d{4})", re.ASCII)
PLAIN_LOCAL = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*", re.ASCII)
PLAIN_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII)
LOCAL_LIMIT, ADDRESS_LIMIT = 64, 254
# Two names of one mail service, which also ignores dots in the local part.
GMAIL = frozenset({"gmail.com", "googlemail.com"})
FEWEST_PHONE_DIGITS = 7
# The longest number with an extension. The library takes milliseconds for longer texts.
PHONE_CHARS = 64
LOOK_LIKE_DIGITS = str.maketrans("oOlI|", "00111")
LETTERS_LIKE_DIGITS = frozenset("oOlI|")
NEARLY_PHONE = re.compile(r"[+(]{0,2}\d[\d\s()./\-\u2010-\u2015\u2212]*", re.ASCII)
# Control, format (zero-width, direction marks), surrogate, private-use and unassigned characters belong to no name.
DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Other invisible characters: Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties), and three without a glyph.
# An identity drops them. A name keeps them, because there they select between two forms of a character.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)


class InvalidIdentity(ValueError):
    """The text is no usable identity of that kind. `kind` names which."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


class IdentityTooLong(InvalidIdentity):
    """The text is longer than any identity, as sent or after NFKC."""


class Identity(NamedTuple):
    """One normalised identity. `value`: E.164 phone, lower-case address with an ASCII domain, or lower-case handle.

    Two identities with the same `key` can have different values: spellings of one e-mail address.
    """

    kind: str
    value: str
    digest: bytes

    @property
    def key(self) -> tuple[str, bytes]:
        """The kind and digest, which all comparisons use instead of the value."""
        return self.kind, self.digest

    @property
    def domain(self) -> str:
        """The domain of an e-mail address, else an empty string."""
        return self.value.rpartition("@")[2] if self.kind == "email" else ""


def distinct(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    """The first identity of each key, in order: a contact has no identity twice, not even in two spellings."""
    found: dict[tuple[str, bytes], Identity] = {}
    for one in identities:
        found.setdefault(one.key, one)
    return tuple(found.values())


def storable(text: str) -> bool:
    """Whether a database can hold this text at all: no NUL, no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def storable_part(text: str, limit: int) -> str:
    """The first `limit` characters of a text without those that no database can hold."""
    return "".join(c for c in text[:limit] if c != "\0" and not "\ud800" <= c <= "\udfff")


def clean_text(text: str, limit: int = NAME_LIMIT) -> str:
    """NFKC, one space for any run of white space, no control or zero-width character, at most `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return " ".join(text.split()) if " " in text else text
    # Cut before and after: NFKC can turn one character into eighteen, and a megabyte must not be normalised.
    spaced = " ".join(text[: limit * 4].split())
    if not spaced.isascii() or not spaced.isprintable():
        # Drop these characters first: one between a letter and its accent would prevent their composition.
        kept = "".join(c for c in spaced if unicodedata.category(c) not in DROPPED_CATEGORIES)
        spaced = " ".join(unicodedata.normalize("NFKC", kept).split())
    return spaced[:limit].strip()


def lower(text: str) -> str:
    """Lower case, composed again by NFKC: some capitals decompose when lower-cased."""
    return unicodedata.normalize("NFKC", text.lower())


def normalise_phone(text: str, region: str) -> str:
    """E.164 of a number that is valid for its country; national spellings are read in `region` (ISO 3166, as CN).

    Raises InvalidIdentity.
    """
    if mobile := MOBILE.fullmatch(text):
        code, start, _, middle, *rest = mobile.groups()
        if code or region == "CN":
            if not _mobile_begins_with(start + middle):
                raise InvalidIdentity("phone", "no such phone number")
            return f"+86{start}{middle}{''.join(rest)}"
    return _phone_by_library(text, region)


@lru_cache(maxsize=100_000)
def _mobile_begins_with(start: str) -> bool:
    """Whether Chinese mobile numbers begin with these five digits; the six behind them are free."""
    try:
        return bool(_phone_by_library(f"+86{start}000000", "CN"))
    except InvalidIdentity:
        return False


def _phone_by_library(text: str, region: str) -> str:
    if len(text) > PHONE_CHARS:
        raise InvalidIdentity("phone", "too long")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidIdentity("phone", "not a phone number") from error
    if not phonenumbers.is_valid_number(number):
        raise InvalidIdentity("phone", "no such phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalise_email(text: str) -> str:
    """Lower-cased, not case-folded, address with its domain in IDNA form. Raises InvalidIdentity."""
    if text[:7].lower() == "mailto:":
        text = text[7:]
    plain = text.lower() if text.isascii() else ""
    local, _, domain = plain.partition("@")
    if (
        PLAIN_LOCAL.fullmatch(local)
        and PLAIN_DOMAIN.fullmatch(domain)
        and len(local) <= LOCAL_LIMIT
        and len(plain) <= ADDRESS_LIMIT
    ):
        return f"{local}@{_known_domain(domain)}"
    local, _, domain = text.rpartition("@")
    plain = local.lower() if local.isascii() and not domain.isascii() else ""
    if PLAIN_LOCAL.fullmatch(plain) and len(plain) <= LOCAL_LIMIT:
        address = f"{plain}@{_known_domain(domain)}"
        # The library counts the octets of both forms.
        if max(len(address), len(text.encode("utf-8", "replace"))) <= ADDRESS_LIMIT:
            return address
    return _email_by_library(text)


@lru_cache(maxsize=100_000)
def _known_domain(domain: str) -> str:
    """A domain as the library writes it in an address. Raises InvalidIdentity, which is not remembered."""
    return _email_by_library(f"x@{domain}").partition("@")[2]


def _email_by_library(text: str) -> str:
    try:
        parts = validate_email(text, check_deliverability=False, test_environment=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidIdentity("email", "not an e-mail address") from error
    domain = parts.ascii_domain
    if not domain:
        raise InvalidIdentity("email", "not an e-mail address")
    return f"{lower(parts.local_part)}@{domain.lower()}"


def comparable_email(value: str) -> str:
    """The form of a normalised address that all spellings of one mailbox share: what its digest is made of.

    Mail services deliver anne+shop@... to anne@...; Gmail ignores dots too, and has two domains.
    """
    local, _at, domain = value.rpartition("@")
    # A local part that begins with + has no name in front of a tag.
    local = local.partition("+")[0] or local
    if domain in GMAIL:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def in_domains(domain: str, domains: Collection[str]) -> bool:
    """Whether a domain is one of these, or a subdomain of one. `apps.core.sql.in_domains_sql` says the same in SQL."""
    while domain and domain not in domains:
        domain = domain.partition(".")[2]
    return domain != ""


def normalise_domain(text: str) -> str:
    """A domain in the form that addresses have theirs, so that the two can be compared."""
    domain = clean_text(text, RAW_LIMIT).removeprefix("@").lower()
    try:
        return normalise_email(f"x@{domain}").rpartition("@")[2]
    except InvalidIdentity:
        # A name of the internal network, such as corp.local, is compared unchanged: it exists nowhere outside.
        return domain


def normalise_handle(text: str) -> str:
    """Lower-case handle without its leading @. Raises InvalidIdentity."""
    handle = lower(text.removeprefix("@"))
    if not HANDLE_SHAPE.match(handle) or not any(c.isalnum() for c in handle):
        raise InvalidIdentity("handle", "not a handle")
    return handle


def intended_phone(raw: str, region: str) -> str:
    """The valid number, as people write it, that a text is when o, l and the like are read as digits; or ""."""
    number = _intended(clean_text(raw, RAW_LIMIT), region)
    if not number:
        return ""
    return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _intended(text: str, region: str) -> str:
    text = text.translate(LOOK_LIKE_DIGITS)
    try:
        return normalise_phone(text, region) if NEARLY_PHONE.fullmatch(text) else ""
    except InvalidIdentity:
        return ""


def nearly_phone(raw: str) -> bool:
    """Whether a text is digits with the punctuation of a phone number, and a letter or two that are a mistake."""
    text = clean_text(raw, RAW_LIMIT)
    digits, letters = (sum(map(test, text)) for test in (str.isdecimal, str.isalpha))
    return (
        digits >= FEWEST_PHONE_DIGITS
        and 0 < letters <= 2
        and bool(NEARLY_PHONE.fullmatch(re.sub(r"[^\W\d_]", "", text)))
    )


def digest(key: str, kind: str, value: str) -> bytes:
    """HMAC-SHA256 of kind, NUL, value under the installation's identity key: 32 bytes.

    Of an e-mail address, of its comparable form.
    """
    if kind == "email":
        value = comparable_email(value)
    return hmac.digest(key.encode(), f"{kind}\0{value}".encode(), hashlib.sha256)


def normalise(kind: str, raw: str, *, region: str, key: str, handles: str = "") -> Identity:
    """Turn raw text of a kind into an Identity; all code that stores or compares identities calls this.

    `handles` applies to new identities: a regular expression that a whole handle must match. A phone number with a
    mistyped letter is then refused as a phone, and as a handle unless it begins with @. Without `handles` all texts
    that were ever valid are accepted. Raises InvalidIdentity.
    """
    if len(raw) > RAW_LIMIT:
        raise IdentityTooLong(kind, "too long")
    if raw.isascii():
        text = clean_text(raw, RAW_LIMIT)
    else:
        # Twice: NFKC in clean_text can produce such characters.
        text = UNSEEN.sub("", clean_text(UNSEEN.sub("", raw), RAW_LIMIT + 1))
        # NFKC can turn one character into eighteen, and the code below takes time for each character.
        if len(text) > RAW_LIMIT:
            raise IdentityTooLong(kind, "too long")
    if not text:
        raise InvalidIdentity(kind, "empty")
    match kind:
        case "phone":
            value = normalise_phone(text, region)
            # For l39... the library reads only the digits after the letter, which is another person's number.
            if handles and not LETTERS_LIKE_DIGITS.isdisjoint(text) and (_intended(text, region) or value) != value:
                raise InvalidIdentity("phone", "a letter for a digit")
        case "email":
            value = normalise_email(text)
        case "handle":
            value = normalise_handle(text)
            if handles and (
                # Without ASCII, IGNORECASE lets [a-z] match a dotless i and the Kelvin sign.
                not re.fullmatch(handles, value, re.IGNORECASE | re.ASCII)
                or (text[0] != "@" and intended_phone(text, region))
            ):
                raise InvalidIdentity("handle", "not a handle of the product")
        case _:
            raise InvalidIdentity(kind, "unknown kind of identity")
    return Identity(kind, value, digest(key, kind, value))


def signing_seed(text: str) -> bytes:
    """The 32 bytes of a signing key, from base64 in either alphabet. Raises ValueError."""
    raw = base64.b64decode(text.strip().rstrip("=").translate(str.maketrans("-_", "+/")) + "=", validate=True)
    if len(raw) != 32:
        raise ValueError("a signing key is 32 bytes")
    return raw
