"""Template tags for the page of the API description."""

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def with_code(text: object) -> SafeString:
    """A description's text with its `words in backticks` set as code; everything else escaped."""
    parts = str(text).split("`")
    # Every second part stood between two backticks; a single one stays a character.
    if len(parts) % 2 == 0:
        return conditional_escape(str(text))
    pieces = [format_html("<code>{}</code>", part) if place % 2 else part for place, part in enumerate(parts)]
    return format_html_join("", "{}", ((piece,) for piece in pieces))
