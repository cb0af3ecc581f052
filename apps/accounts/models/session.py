"""Browser sessions: Django's sessions with their account and last use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models


class BrowserSessionQuerySet(models.QuerySet):
    def of(self, account: Any) -> BrowserSessionQuerySet:
        """The sessions of one account, most recently used first."""
        return self.filter(account=account).order_by("-seen_at", "pk")


class BrowserSession(AbstractBaseSession):
    """The session of one browser. Without an account, the browser has not signed in yet."""

    account = models.ForeignKey("accounts.Account", null=True, on_delete=models.CASCADE)
    seen_at = models.DateTimeField(help_text="exact to a few minutes, so that looking writes little")

    objects = BaseSessionManager.from_queryset(BrowserSessionQuerySet)()  # type: ignore[misc]  # declared for classes

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        db_table = "accounts_session"

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore
