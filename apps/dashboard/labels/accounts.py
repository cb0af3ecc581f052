"""The words of an operator's changes of accounts: what each does, and who has to agree."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Role
from apps.dashboard.labels.base import Text

HR_TEXT = _("HR sees the numbers of all employees and prepares campaigns, the roster and results. HR sees no contacts.")
ROLE_TEXTS: dict[str, Text] = {
    Role.Kind.HR: HR_TEXT,
    Role.Kind.OPERATOR: _(
        "Operators see accounts, webhooks and the state of Hundred. Operators see no numbers of people."
    ),
    Role.Kind.AUDITOR: _("Auditors read final results and the audit trail."),
}
GRANT_TITLES: dict[str, Text] = {
    Role.Kind.HR: _("Request the role HR"),
    Role.Kind.OPERATOR: _("Request the role operator"),
    Role.Kind.AUDITOR: _("Request the role auditor"),
}
REVOKE_TITLES: dict[str, Text] = {
    Role.Kind.HR: _("Revoke the role HR"),
    Role.Kind.OPERATOR: _("Revoke the role operator"),
    Role.Kind.AUDITOR: _("Revoke the role auditor"),
}


@dataclass(frozen=True)
class ActLabel:
    """`title`: heading and button. `text`: what happens. `done`: the message afterwards."""

    title: Text
    text: Text
    icon: str
    done: Text = ""


REQUESTED = _("The request waits for another operator or an HR user.")
SECOND_PERSON = _("Another operator or an HR user has to approve it.")
ACTS: dict[str, ActLabel] = {
    "end-access": ActLabel(
        _("End sessions and tokens"),
        _("The person is signed out of every browser, and all API tokens are revoked. The password stays valid."),
        "log-out",
        _("All sessions and tokens are ended."),
    ),
    "send-link": ActLabel(
        _("Send a password link"),
        _("Hundred mails a link to the address on record. It works once and expires after three days."),
        "send",
        _("The link is on its way to the address on record."),
    ),
    "create-code": ActLabel(
        _("Create an enrolment code"),
        _(
            "With this code the person adds a second factor. You see it once. Give it in person or by telephone, "
            "never by e-mail. An earlier code stops working."
        ),
        "key-round",
    ),
    "reset-factors": ActLabel(
        _("Remove second factors"),
        _(
            "All second factors are removed and the person is signed out everywhere. Without the code that you see "
            "next, the person cannot add a new one. Make sure that it is the person who asks."
        ),
        "shield-alert",
    ),
    "request-reset": ActLabel(
        _("Request the removal of second factors"),
        _("The factors stay until the approval. Afterwards you create an enrolment code for the person."),
        "shield-alert",
        REQUESTED,
    ),
    "unlink": ActLabel(
        _("Request unlinking from single sign-on"),
        _(
            "The account loses its link to the company's provider. The person's next sign-in there links it again, by "
            "the staff number or verified address that the provider reports."
        ),
        "plug",
        REQUESTED,
    ),
    **{
        f"grant-{role}": ActLabel(GRANT_TITLES[role], text, "shield-check", REQUESTED)
        for role, text in ROLE_TEXTS.items()
    },
    **{
        f"revoke-{role}": ActLabel(
            title,
            _("The role ends at once. The person is signed out everywhere, and tokens are revoked."),
            "shield-alert",
            _("The role is revoked."),
        )
        for role, title in REVOKE_TITLES.items()
    },
}
