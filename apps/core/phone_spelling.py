"""Spellings of phone numbers that an identity does not keep, or that are a mistake."""

import re

import phonenumbers

from apps.core.identity import (
    MAX_PHONE_CHARS,
    MAX_RAW_CHARS,
    PHONE_SHAPE,
    InvalidIdentity,
    correct_letters,
    normalise_phone,
)
from apps.core.text import clean_text

# Shorter texts with a letter are handles far more often than mistyped numbers.
MIN_PHONE_DIGITS = 7


def readable_phone(number: str) -> str:
    """A valid E.164 number as people write it: +86 138 0013 8000."""
    return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def likely_phone(raw: str, region: str) -> str:
    """The valid number, as people write it, that an invalid text probably means; or "".

    With letters for digits (o, l), or from abroad without the + before its country code.
    """
    if number := correct_letters(clean_text(raw, MAX_RAW_CHARS), region):
        return readable_phone(number)
    text = clean_text(raw, MAX_PHONE_CHARS)
    if not PHONE_SHAPE.fullmatch(text) or text.startswith("+"):
        return ""
    try:
        return readable_phone(normalise_phone(f"+{text}", region))
    except InvalidIdentity:
        return ""


def has_extension(raw: str, region: str) -> bool:
    """Whether a valid phone number was written with an extension, which its identity does not hold."""
    if len(raw) > MAX_PHONE_CHARS or PHONE_SHAPE.fullmatch(raw):
        return False
    try:
        return bool(phonenumbers.parse(clean_text(raw, MAX_PHONE_CHARS), region).extension)
    except phonenumbers.NumberParseException:
        return False


def has_mistyped_letter(raw: str) -> bool:
    """Whether a text is digits with the punctuation of a phone number, and a letter or two that are a mistake."""
    text = clean_text(raw, MAX_RAW_CHARS)
    digits, letters = (sum(map(test, text)) for test in (str.isdecimal, str.isalpha))
    return (
        digits >= MIN_PHONE_DIGITS and 0 < letters <= 2 and bool(PHONE_SHAPE.fullmatch(re.sub(r"[^\W\d_]", "", text)))
    )
