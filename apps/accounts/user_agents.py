"""What a browser is called, of what it says it is (User-Agent, RFC 9110 section 10.1.5)."""

from django.utils.translation import gettext as _


def called(agent: str) -> str:
    """Like "Firefox, Windows"; a sentence when it does not say."""
    # Its tables of expressions are built when they are first needed: on this page alone.
    from ua_parser import parse

    told = parse(agent)
    parts = [part.family for part in (told.user_agent, told.os) if part]
    return ", ".join(parts) or _("A browser that does not say which")
