"""The notices that static/js/forms.js shows beside a form: the same on every page."""

from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils.translation import get_language

register = template.Library()


@register.simple_tag
def form_notices() -> str:
    return _notices(get_language())


@lru_cache
def _notices(language: str | None) -> str:
    # Cached by language: every page has them.
    return render_to_string("components/_form_notices.html")
