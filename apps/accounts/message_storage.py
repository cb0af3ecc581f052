"""Messages for the next page, readable by the account alone that caused them.

They can name contacts. A session that reaches its end leaves their cookie in the browser, whose next user can be
another person.
"""

from typing import Any

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.core import signing


class AccountCookieStorage(CookieStorage):
    """Signs the cookie for the account of the request; another account's cookie is invalid, and so deleted."""

    def _get(self, *args: Any, **kwargs: Any) -> Any:
        if self.cookie_name in self.request.COOKIES:
            self._bind()
        return super()._get(*args, **kwargs)  # type: ignore[misc]  # missing in the stubs, as below

    def _store(self, *args: Any, **kwargs: Any) -> Any:
        self._bind()
        return super()._store(*args, **kwargs)  # type: ignore[misc]

    def _bind(self) -> None:
        # Not at the start of the request: a sign-in and a sign-out change the account.
        account_id = getattr(getattr(self.request, "user", None), "pk", None)
        self.signer = signing.get_cookie_signer(salt=f"{self.key_salt}:{account_id or ''}")


class MessageStorage(FallbackStorage):
    storage_classes = (AccountCookieStorage, SessionStorage)

    def _get(self, *args: Any, **kwargs: Any) -> Any:
        result = super()._get(*args, **kwargs)  # type: ignore[misc]
        # Django leaves an invalid cookie in the browser, where its text can be read.
        invalid = {storage for storage in self.storages if storage.used}
        self._used_storages |= invalid  # type: ignore[attr-defined]
        self.used = self.used or bool(invalid)
        return result
