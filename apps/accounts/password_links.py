"""The tokens of links to set a password: good once, and only as long as the account is what it was when it was sent."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.tokens import PasswordResetTokenGenerator

from apps.accounts.models import Account


class PasswordLinkTokens(PasswordResetTokenGenerator):
    """Django's own, which also end with a change of the address that the link was mailed to, of a factor, a role or
    the employment: the roster's address is not the account's, which Django's covers."""

    key_salt = "apps.accounts.password_links"

    def _make_hash_value(self, user: AbstractBaseUser, timestamp: int) -> str:
        if not isinstance(user, Account):
            raise TypeError("links are for accounts")
        employee = user.employee
        address = employee.email if employee else ""
        parts = (super()._make_hash_value(user, timestamp), address, user.security_changed_at, user.employment_id)
        return "|".join(map(str, parts))


class PrintedLinkTokens(PasswordLinkTokens):
    """Of links that the operator hands over: the password they set proves nothing about the mailbox."""

    key_salt = "apps.accounts.password_links.printed"


password_link_tokens = PasswordLinkTokens()
printed_link_tokens = PrintedLinkTokens()
