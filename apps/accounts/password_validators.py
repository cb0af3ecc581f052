"""Passwords that a guesser tries first: words of this house, and those that became known elsewhere."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.accounts.breached_passwords import PasswordListError, is_known

logger = logging.getLogger(__name__)
PRODUCT = ("hundred",)
# Shorter ones stand in half of all words.
SHORTEST = 4
# What stands in for a letter, as everybody does it.
DISGUISES = str.maketrans("01345@$!", "oieasasi")


class CompanyWordValidator:
    """Refuses a password that is one of the house's words with little around it, disguised by digits or not."""

    # What is left around such a word has to be a password of its own.
    rest = 9

    def validate(self, password: str, user: Any = None) -> None:
        plain = password.casefold().translate(DISGUISES)
        for word in company_words():
            if word in plain and len(plain) - len(word) < self.rest:
                raise ValidationError(
                    _("“%(word)s” is among the first words that are tried here: add more to it."),
                    code="password_house_word", params={"word": word},
                )  # fmt: skip

    def get_help_text(self) -> str:
        return _("It cannot be little more than a name of the company or of this product.")


class BreachedValidator:
    """Refuses what stands in the list of BREACHED_PASSWORDS, a file of this machine: nobody else is asked."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def validate(self, password: str, user: Any = None) -> None:
        try:
            known = is_known(self.path, password)
        except PasswordListError as error:
            # It was there at the start. A password is not taken unasked meanwhile.
            logger.error("BREACHED_PASSWORDS: %s %s", self.path, error)
            message = _("Passwords cannot be set at the moment. Try again later.")
            raise ValidationError(message, code="password_list_away") from error
        if known:
            message = _("This password became known somewhere else, and is tried first: choose another.")
            raise ValidationError(message, code="password_breached")

    def get_help_text(self) -> str:
        return _("It cannot be one that became known elsewhere.")


def company_words() -> Iterator[str]:
    """The product's words, and those of the company's name and domains, in lower case."""
    yield from PRODUCT
    domains = (part for domain in settings.COMPANY_EMAIL_DOMAINS for part in domain.rpartition(".")[0].split("."))
    for word in (*re.split(r"\W+", settings.COMPANY_NAME), *domains):
        if len(word) >= SHORTEST:
            yield word.casefold()
