"""Password validators: company and product words, and breached passwords."""

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
# Shorter words occur in half of all words.
SHORTEST = 4
# Common replacements of letters.
DISGUISES = str.maketrans("01345@$!", "oieasasi")


class CompanyWordValidator:
    """Refuse a password that consists of a company word and little else, with or without digit replacements."""

    # The characters beside the word must form a password of their own: minimum number.
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
    """Refuse passwords in the BREACHED_PASSWORDS list, a local file; no external service is queried."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def validate(self, password: str, user: Any = None) -> None:
        try:
            known = is_known(self.path, password)
        except PasswordListError as error:
            # The list existed at start-up. Without it, no password is accepted unchecked.
            logger.error("BREACHED_PASSWORDS: %s %s", self.path, error)
            message = _("Passwords cannot be set at the moment. Try again later.")
            raise ValidationError(message, code="password_list_away") from error
        if known:
            message = _("This password became known somewhere else, and is tried first: choose another.")
            raise ValidationError(message, code="password_breached")

    def get_help_text(self) -> str:
        return _("It cannot be one that became known elsewhere.")


def company_words() -> Iterator[str]:
    """Lower-case words of the product, the company's name and its domains."""
    yield from PRODUCT
    domains = (part for domain in settings.COMPANY_EMAIL_DOMAINS for part in domain.rpartition(".")[0].split("."))
    for word in (*re.split(r"\W+", settings.COMPANY_NAME), *domains):
        if len(word) >= SHORTEST:
            yield word.casefold()
