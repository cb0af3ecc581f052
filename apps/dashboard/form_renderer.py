"""Form rendering: like Django's templates, but plain fields are rendered without a template.

With templates, three fields took a tenth of a page's time, most of it for nested includes.
"""

from __future__ import annotations

from typing import Any

from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

FOLDER = "django/forms/widgets/"
PLAIN = ("input", "text", "hidden", "email", "number", "password", "date")
INPUTS = frozenset(f"{FOLDER}{name}.html" for name in PLAIN)
TEXTAREA = f"{FOLDER}textarea.html"


class Renderer(DjangoTemplates):
    """Django's renderer, except for inputs and text areas, whose output is the same byte for byte."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        if template_name not in INPUTS and template_name != TEXTAREA:
            return super().render(template_name, context, request)
        widget = context["widget"]
        name, attributes, value = widget["name"], _attributes(widget["attrs"]), widget["value"]
        if template_name == TEXTAREA:
            return format_html('<textarea name="{}"{}>\n{}</textarea>', name, attributes, value or "")
        shown = "" if value is None else format_html(' value="{}"', value)
        return format_html('<input type="{}" name="{}"{}{}>', widget["type"], name, shown, attributes)


def _attributes(attrs: dict[str, Any]) -> SafeString:
    # flatatt alone would put attributes without a value last; the templates keep the order.
    parts = (flatatt({name: value}) for name, value in attrs.items())
    return SafeString("".join(parts))  # nosec B703 # flatatt escapes
