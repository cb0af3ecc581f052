"""Readable browser names from the User-Agent header (RFC 9110 section 10.1.5)."""

from django.utils.translation import gettext as _


def browser_name(agent: str) -> str:
    """A name like "Firefox, Windows"; a sentence when the header names neither."""
    # Import late: the parser builds its tables on first use, and only one page needs them.
    from ua_parser import parse

    browser = parse(agent)
    parts = [part.family for part in (browser.user_agent, browser.os) if part]
    return ", ".join(parts) or _("Unknown browser")
