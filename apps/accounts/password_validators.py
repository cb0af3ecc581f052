"""Password validators: company and product words, and breached passwords."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.accounts.breached_passwords import PasswordListError, is_breached

logger = logging.getLogger(__name__)
PRODUCT_WORDS = ("hundred",)
# Shorter words occur in half of all words.
MIN_WORD_CHARS = 4
# Common replacements of letters.
LETTER_OF_SIGN = str.maketrans("01345@$!", "oieasasi")


class CompanyWordValidator:
    """Refuse a password that consists of a company word and little else, with or without digit replacements."""

    # The characters beside the word must form a password of their own: minimum number.
    rest = 9

    def validate(self, password: str, user: Any = None) -> None:
        plain = password.casefold().translate(LETTER_OF_SIGN)
        for word in company_words():
            if word in plain and len(plain) - len(word) < self.rest:
                raise ValidationError(
                    _("“%(word)s” is easy to guess. Add more characters."),
                    code="password_house_word", params={"word": word},
                )  # fmt: skip

    def get_help_text(self) -> str:
        return _("Your password cannot be only the name of the company or of this product with small changes.")


class BreachedValidator:
    """Refuse passwords in the BREACHED_PASSWORDS list, a local file; no external service is queried."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def validate(self, password: str, user: Any = None) -> None:
        try:
            known = is_breached(self.path, password)
        except PasswordListError as error:
            # The list existed at start-up. Without it, no password is accepted unchecked.
            logger.error("BREACHED_PASSWORDS: %s %s", self.path, error)
            message = _("Passwords cannot be set at the moment. Try again later.")
            raise ValidationError(message, code="password_list_away") from error
        if known:
            message = _("This password is in a list of leaked passwords. Choose another one.")
            raise ValidationError(message, code="password_breached")

    def get_help_text(self) -> str:
        return _("Your password cannot be in a list of leaked passwords.")


def company_words() -> Iterator[str]:
    """Lower-case words of the product, the company's name and its domains."""
    yield from PRODUCT_WORDS
    domains = (part for domain in settings.COMPANY_EMAIL_DOMAINS for part in domain.rpartition(".")[0].split("."))
    for word in (*re.split(r"\W+", settings.COMPANY_NAME), *domains):
        if len(word) >= MIN_WORD_CHARS:
            yield word.casefold()
