"""System checks that say plainly what an installation lacks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info, Tags, register


@register(Tags.security, deploy=True)
def two_roles(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """One database role for everything works, with less between a mistake and the facts."""
    if "owner" in settings.DATABASES:
        return []
    return [
        Info(
            "DATABASE_OWNER_URL is not set here: where the application's role also owns the tables, only triggers keep "
            "the audit trail and the rules of campaigns unchanged, and that role could drop them.",
            hint="Give the application a role of its own in DATABASE_URL, and run migrate with DATABASE_OWNER_URL.",
            id="hundred.I001",
        )
    ]
