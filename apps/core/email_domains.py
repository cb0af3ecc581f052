"""Domains of e-mail addresses: pure functions, without Django or a database."""

from collections.abc import Collection

from apps.core.identity import MAX_RAW_CHARS, InvalidIdentity, normalise_email
from apps.core.text import clean_text


def in_domains(domain: str, domains: Collection[str]) -> bool:
    """Whether a domain is one of these, or a subdomain of one. `apps.core.sql.in_domains_sql` says the same in SQL."""
    while domain and domain not in domains:
        domain = domain.partition(".")[2]
    return domain != ""


def normalise_domain(text: str) -> str:
    """A domain in the form that addresses have theirs, so that the two can be compared."""
    domain = clean_text(text, MAX_RAW_CHARS).removeprefix("@").lower()
    try:
        return normalise_email(f"x@{domain}").rpartition("@")[2]
    except InvalidIdentity:
        # A name of the internal network, such as corp.local, is compared unchanged: it exists nowhere outside.
        return domain
