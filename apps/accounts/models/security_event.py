"""Security events of an account that its owner is mailed about.

A row is a mail still to be sent. The worker deletes the row after sending.
"""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.querysets import Clock


class SecurityEvent(models.Model):
    """A mail that waits for the mail server: about an event, or with a set-password link.

    It has the owner's address at the time of the event.
    """

    class Kind(models.TextChoices):
        PASSWORD_SET = "password_set", _("A new password was set for your account with a one-time link.")
        PASSWORD_CHANGED = "password_changed", _("The password of your account was changed.")
        FACTOR_ADDED = "factor_added", _("A second factor was added to your account.")
        FACTOR_REMOVED = "factor_removed", _("A second factor was removed from your account.")
        FACTORS_RESET = "factors_reset", _("All second factors of your account were removed by the operator.")
        CODES_RENEWED = (
            "codes_renewed",
            _("New recovery codes were created for your account. The old ones no longer work."),
        )
        RESET_REQUESTED = (
            "reset_requested",
            _("The operator asked to remove all second factors of your account. A second person decides on it."),
        )
        ENROLMENT_CODE = (
            "enrolment_code",
            _("The operator created a code with which you add a second factor. You receive it in person."),
        )
        ACCESS_ENDED = (
            "access_ended",
            _("The operator signed your account out everywhere and revoked its tokens."),
        )
        UNLINKED = "unlinked", _("Your account was unlinked from the company's single sign-on.")
        ROLE_REQUESTED = (
            "role_requested",
            _("The operator asked to give your account a role. A second person decides on it."),
        )
        UNLINKING_REQUESTED = (
            "unlinking_requested",
            _(
                "The operator asked to unlink your account from the company's single sign-on. A second person "
                "decides on it."
            ),
        )
        TOKEN_CREATED = "token_created", _("An API token was created for your account.")
        TOKEN_REVOKED = "token_revoked", _("An API token of your account was revoked.")
        ROLE_CHANGED = "role_changed", _("The roles of your account were changed. You were signed out everywhere.")
        CODE_GUESSES = "code_guesses", _("A sign-in attempt used your password and then several wrong codes.")
        NEW_BROWSER = "new_browser", _("Your account was signed in from a new browser.")
        ADDRESS_REQUESTED = "address_requested", _("HR requested a new e-mail address for your account.")
        ADDRESS_CHANGED = "address_changed", _("HR changed the e-mail address of your account.")

    # A kind without a sentence; `browser` then holds the language of the mail (apps.accounts.password_reset).
    PASSWORD_LINK = "password_link"  # noqa: S105 # nosec B105 # a kind

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE)
    kind = models.TextField()
    address = models.TextField(help_text="where the mail goes")
    origin = models.TextField(help_text="from where it was done, as in the audit trail")
    browser = models.TextField(blank=True, help_text="what the browser said it is")
    at = models.DateTimeField(db_default=Clock())
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="the row is then kept for a day, without the address")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="accounts_security_event_address",
                condition=~models.Q(address="") | models.Q(sent_at__isnull=False),
            )
        ]

    @property
    def sentence(self) -> str:
        return str(self.Kind(self.kind).label)

    def __str__(self) -> str:
        return f"{self.kind} {self.account_id}"
