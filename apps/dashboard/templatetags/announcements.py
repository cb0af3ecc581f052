"""The text of an announcement as HTML: everything escaped, addresses as links."""

import re

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
# ASCII without quotes, brackets and `@`: a Chinese sentence goes on without a blank, and `https://company@elsewhere` is
# no address of the company.
ADDRESS = re.compile(r"https?://[A-Za-z0-9\-._~:/?#!$&*+,;=%]+")
SENTENCE_ENDS = ".,:;!?"


@register.filter
def with_links(text: str) -> SafeString:
    """The text escaped, with its http and https addresses as links. Line breaks stay: the style shows them."""
    parts: list[str] = []
    end = 0
    for match in ADDRESS.finditer(text):
        address = match[0].rstrip(SENTENCE_ENDS)
        link = format_html('<a href="{}" rel="nofollow noreferrer">{}</a>', address, address)
        parts += [text[end : match.start()], link]
        end = match.start() + len(address)
    # It escapes all parts but the links.
    return format_html_join("", "{}", ((part,) for part in [*parts, text[end:]]))
