"""Tokens of set-password links: valid once, and only while the account stays as it was at sending."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.tokens import PasswordResetTokenGenerator

from apps.accounts.models import Account


class PasswordLinkTokens(PasswordResetTokenGenerator):
    """Django's reset tokens, also invalidated by a change of address, factor, role or employment.

    Django's token covers only the account's own address. Here the link goes to the roster's address.
    """

    key_salt = "apps.accounts.password_links"

    def _make_hash_value(self, user: AbstractBaseUser, timestamp: int) -> str:
        if not isinstance(user, Account):
            raise TypeError("links are for accounts")
        employee = user.employee
        address = employee.email if employee else ""
        parts = (super()._make_hash_value(user, timestamp), address, user.security_changed_at, user.employment_id)
        return "|".join(map(str, parts))


class PrintedLinkTokens(PasswordLinkTokens):
    """Tokens of links that the operator hands over; a password set with one proves nothing about the mailbox."""

    key_salt = "apps.accounts.password_links.printed"


password_link_tokens = PasswordLinkTokens()
printed_link_tokens = PrintedLinkTokens()
