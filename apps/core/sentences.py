"""Sentences and lists joined as the language in force writes them: Chinese has no space between two sentences."""

from collections.abc import Iterable
from functools import reduce

from django.utils.translation import pgettext


def join_sentences(sentences: Iterable[str]) -> str:
    """One text; empty sentences are left out."""
    return reduce(_followed_by, filter(None, map(str, sentences)), "")


def join_names(names: Iterable[str]) -> str:
    """Names, numbers or other parts of a list."""
    return pgettext("between the names of a list", ", ").join(map(str, names))


def _followed_by(first: str, second: str) -> str:
    if not first:
        return second
    return pgettext("two sentences", "%(first)s %(second)s") % {"first": first, "second": second}
