"""Words that a guesser tries first at this house: the product's, the company's, its domains'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

PRODUCT = ("hundred",)
# Shorter ones stand in half of all words.
SHORTEST = 4
# What stands in for a letter, as everybody does it.
DISGUISES = str.maketrans("01345@$!", "oieasasi")


class HouseWordValidator:
    """Refuses a password that is one of the house's words with little around it, disguised by digits or not."""

    # What is left around such a word has to be a password of its own.
    rest = 9

    def validate(self, password: str, user: Any = None) -> None:
        plain = password.casefold().translate(DISGUISES)
        for word in house_words():
            if word in plain and len(plain) - len(word) < self.rest:
                raise ValidationError(
                    _("“%(word)s” is among the first words that are tried here: add more to it."),
                    code="password_house_word", params={"word": word},
                )  # fmt: skip

    def get_help_text(self) -> str:
        return _("It cannot be little more than a name of the company or of this product.")


def house_words() -> Iterator[str]:
    """The product's words, and those of the company's name and domains, in lower case."""
    yield from PRODUCT
    domains = (part for domain in settings.COMPANY_EMAIL_DOMAINS for part in domain.rpartition(".")[0].split("."))
    for word in (*re.split(r"\W+", settings.COMPANY_NAME), *domains):
        if len(word) >= SHORTEST:
            yield word.casefold()
