"""Normalise identities and compute their digests: pure functions, without Django or a database.

An identity identifies the person of a contact or an employee: a phone number, an e-mail address or a handle. Every
import and form calls `normalise`, so two spellings of one identity always have the same digest. The value keeps more of
the spelling than the digest: an e-mail address keeps its "+tag", which `comparable_email` removes.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from apps.core.text import clean_text, lower_nfkc

KINDS = ("phone", "email", "handle")
# Longer than any phone number, address (254) or handle. Longer texts are refused without parsing.
MAX_RAW_CHARS = 320
MAX_HANDLE_CHARS = 64
# No colon, slash, quote or angle bracket: such a text is an address, a path or markup, pasted by mistake.
HANDLE_SHAPE = re.compile(rf"^[^\s@:/\\<>\"']{{1,{MAX_HANDLE_CHARS}}}$")
# The most common shapes, for a fast path. Only a part decides: the first five digits of a Chinese mobile number, or the
# domain of an address. Tests compare the shortcuts below with the libraries.
CHINESE_MOBILE = re.compile(r"(\+86[ -]?)?(1[3-9]\d)([ -]?)(\d{2})(\d{2})\3(\d{4})", re.ASCII)
# Quoted local parts and comments of RFC 5322 are left to the library.
PLAIN_LOCAL = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*", re.ASCII)
PLAIN_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.ASCII)
MAX_LOCAL_PART_CHARS, MAX_ADDRESS_CHARS = 64, 254
# Two names of one mail service, which also ignores dots in the local part.
GMAIL_DOMAINS = frozenset({"gmail.com", "googlemail.com"})
# The longest number with an extension. The library takes milliseconds for longer texts.
MAX_PHONE_CHARS = 64
DIGIT_OF_LETTER = str.maketrans("oOlI|", "00111")
DIGIT_LOOKALIKES = frozenset("oOlI|")
PHONE_SHAPE = re.compile(r"[+(]{0,2}\d[\d\s()./\-\u2010-\u2015\u2212]*", re.ASCII)
# Other invisible characters: Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties), and three without a glyph.
# An identity drops them. A name keeps them, because there they select between two forms of a character.
INVISIBLE = re.compile(
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
        return self.value.rpartition("@")[2] if self.kind == "email" else ""


def unique_identities(identities: Iterable[Identity]) -> tuple[Identity, ...]:
    """The first identity of each key, in order: a contact has no identity twice, not even in two spellings."""
    by_key: dict[tuple[str, bytes], Identity] = {}
    for identity in identities:
        by_key.setdefault(identity.key, identity)
    return tuple(by_key.values())


def normalise_phone(text: str, region: str) -> str:
    """E.164 of a number that is valid for its country; national spellings are read in `region` (ISO 3166, as CN).

    Raises InvalidIdentity.
    """
    if mobile := CHINESE_MOBILE.fullmatch(text):
        code, start, _, middle, *rest = mobile.groups()
        if code or region == "CN":
            if not _is_mobile_prefix(start + middle):
                raise InvalidIdentity("phone", "no such phone number")
            return f"+86{start}{middle}{''.join(rest)}"
    return _parse_phone(text, region)


@lru_cache(maxsize=100_000)
def _is_mobile_prefix(start: str) -> bool:
    """Whether Chinese mobile numbers begin with these five digits; the six behind them are free."""
    try:
        return bool(_parse_phone(f"+86{start}000000", "CN"))
    except InvalidIdentity:
        return False


def _parse_phone(text: str, region: str) -> str:
    if len(text) > MAX_PHONE_CHARS:
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
        and len(local) <= MAX_LOCAL_PART_CHARS
        and len(plain) <= MAX_ADDRESS_CHARS
    ):
        return f"{local}@{_normalise_email_domain(domain)}"
    local, _, domain = text.rpartition("@")
    plain = local.lower() if local.isascii() and not domain.isascii() else ""
    if PLAIN_LOCAL.fullmatch(plain) and len(plain) <= MAX_LOCAL_PART_CHARS:
        address = f"{plain}@{_normalise_email_domain(domain)}"
        # The library counts the octets of both forms.
        if max(len(address), len(text.encode("utf-8", "replace"))) <= MAX_ADDRESS_CHARS:
            return address
    elif slow_email_domain(text) and len(text.encode("utf-8", "replace")) <= MAX_ADDRESS_CHARS:
        # The domain comes from the cache, whatever stands before it.
        text = f"{local}@{_normalise_email_domain(domain)}"
    return _parse_email(text)


def slow_email_domain(text: str) -> str:
    """The domain of a cleaned address if it takes a hundred times as long to normalise as another; or ""."""
    domain = text.rpartition("@")[2]
    return "" if domain.isascii() and "xn--" not in domain.lower() else domain


def _normalise_email_domain(domain: str) -> str:
    """A domain as the library writes it in an address. Raises InvalidIdentity."""
    if normalised := _valid_email_domain(domain):
        return normalised
    raise InvalidIdentity("email", "not an e-mail address")


@lru_cache(maxsize=100_000)
def _valid_email_domain(domain: str) -> str:
    """The same, or "" for an invalid domain, which is remembered too: it takes as long, and a file may repeat it."""
    try:
        return _parse_email(f"x@{domain}").partition("@")[2]
    except InvalidIdentity:
        return ""


def _parse_email(text: str) -> str:
    try:
        parts = validate_email(text, check_deliverability=False, test_environment=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidIdentity("email", "not an e-mail address") from error
    domain = parts.ascii_domain
    if not domain:
        raise InvalidIdentity("email", "not an e-mail address")
    return f"{lower_nfkc(parts.local_part)}@{domain.lower()}"


def comparable_email(value: str) -> str:
    """The form of a normalised address that all spellings of one mailbox share: what its digest is made of.

    Mail services deliver anne+shop@... to anne@...; Gmail ignores dots too, and has two domains.
    """
    local, _at, domain = value.rpartition("@")
    # A local part that begins with + has no name in front of a tag.
    local = local.partition("+")[0] or local
    if domain in GMAIL_DOMAINS:
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def normalise_handle(text: str) -> str:
    """Lower-case handle without its leading @. Raises InvalidIdentity."""
    handle = lower_nfkc(text.removeprefix("@"))
    if not HANDLE_SHAPE.match(handle) or not any(c.isalnum() for c in handle):
        raise InvalidIdentity("handle", "not a handle")
    return handle


def correct_letters(text: str, region: str) -> str:
    """The valid E.164 number that a cleaned text is when o, l and the like are read as digits; or ""."""
    # For texts only that look like a number afterwards: in an address these letters are letters.
    text = text.translate(DIGIT_OF_LETTER)
    try:
        return normalise_phone(text, region) if PHONE_SHAPE.fullmatch(text) else ""
    except InvalidIdentity:
        return ""


def digest(key: str, kind: str, value: str) -> bytes:
    """HMAC-SHA256 of kind, NUL, value under the installation's identity key: 32 bytes.

    Of an e-mail address, of its comparable form.
    """
    if kind == "email":
        value = comparable_email(value)
    # The kind is part of it: a handle of digits must not match a phone number. NUL cannot occur in either part.
    return hmac.digest(key.encode(), f"{kind}\0{value}".encode(), hashlib.sha256)


def _clean_identity(kind: str, raw: str) -> str:
    if len(raw) > MAX_RAW_CHARS:
        raise IdentityTooLong(kind, "too long")
    if raw.isascii():
        text = clean_text(raw, MAX_RAW_CHARS)
    else:
        # Twice: NFKC in clean_text can produce such characters.
        text = INVISIBLE.sub("", clean_text(INVISIBLE.sub("", raw), MAX_RAW_CHARS + 1))
        # NFKC can turn one character into eighteen, and the code below takes time for each character.
        if len(text) > MAX_RAW_CHARS:
            raise IdentityTooLong(kind, "too long")
    if not text:
        raise InvalidIdentity(kind, "empty")
    return text


def normalise(kind: str, raw: str, *, region: str, key: str, handle_pattern: str = "") -> Identity:
    """Turn raw text of a kind into an Identity; all code that stores or compares identities calls this.

    `handle_pattern` applies to new identities: a regular expression that a whole handle must match. A phone number with
    a mistyped letter is then refused as a phone, and as a handle unless it begins with @. Without `handle_pattern` all
    texts that were ever valid are accepted. Raises InvalidIdentity.
    """
    text = _clean_identity(kind, raw)
    match kind:
        case "phone":
            value = normalise_phone(text, region)
            # For l39... the library reads only the digits after the letter, which is another person's number.
            if (
                handle_pattern
                and not DIGIT_LOOKALIKES.isdisjoint(text)
                and (correct_letters(text, region) or value) != value
            ):
                raise InvalidIdentity("phone", "a letter for a digit")
        case "email":
            value = normalise_email(text)
        case "handle":
            value = normalise_handle(text)
            if handle_pattern and (
                # Without ASCII, IGNORECASE lets [a-z] match a dotless i and the Kelvin sign.
                not re.fullmatch(handle_pattern, value, re.IGNORECASE | re.ASCII)
                or (text[0] != "@" and correct_letters(text, region))
            ):
                raise InvalidIdentity("handle", "not a handle of the product")
        case _:
            raise InvalidIdentity(kind, "unknown kind of identity")
    return Identity(kind, value, digest(key, kind, value))
