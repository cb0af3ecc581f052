"""Messages for the employee about drafts that were refused or recorded already."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.contacts.drafts import BARE_WORD, EXTENSION, REPEATED, OutcomeCode
from apps.contacts.identity_lookup import MAX_REPEATS_OF_AN_IDENTITY
from apps.core.identity import IdentityTooLong, InvalidIdentity
from apps.core.phone_spelling import has_mistyped_letter, likely_phone

NO_IDENTITY = gettext_noop("Enter a phone number, an e-mail or a handle.")


def error_message(error: InvalidIdentity, raw: str) -> str:
    """Return the message for the employee who typed the identity."""
    # A suggestion for a text of any length would take time for each of its characters.
    short = not isinstance(error, IdentityTooLong)
    # The one field of the form guesses the kind: a number with a letter l in it arrives here as a handle.
    may_be_phone = short and error.kind in ("phone", "handle")
    if may_be_phone and (intended := likely_phone(raw, settings.COMPANY_PHONE_REGION)):
        return _("This is not a valid phone number. Did you mean %(phone)s?") % {"phone": intended}
    if short and error.kind == "handle" and has_mistyped_letter(raw):
        return _("This is neither a valid phone number nor a handle.")
    return {
        "phone": _("This is not a valid phone number."),
        "email": _("This is not a valid e-mail address."),
        "handle": _("This is not a valid handle."),
        BARE_WORD: _("This is neither a phone number nor an e-mail address. Start a handle with @."),
    }.get(error.kind, _("This is not a valid phone number, e-mail or handle."))


def outcome_messages() -> dict[str, str]:
    """Return the messages for refused and duplicate drafts by code, in the active language.

    Called once a batch: a translation for each line would cost as much as evaluating it.
    """
    return {
        OutcomeCode.DUPLICATE: _("You have already recorded this person."),
        EXTENSION: _(
            "You have already recorded this number. A number counts once, whatever its extension. Add the "
            "person with another number, an e-mail or a handle."
        ),
        OutcomeCode.OBJECTED: _("This person has asked the company to forget them, so they cannot be recorded."),
        OutcomeCode.NOT_EXTERNAL: _("This is the staff number of a colleague. Only people outside the company count."),
        OutcomeCode.CAMPAIGN_OVER: _(
            "Nothing was changed: this contact counted in a campaign that is closing or frozen."
        ),
        OutcomeCode.TOO_MANY_TODAY: _("You can record at most %(most)s contacts a day. Add this one tomorrow.")
        % {"most": f"{settings.MAX_CONTACTS_PER_EMPLOYEE_AND_DAY:,}"},
        REPEATED: _("You have recorded this person %(most)s times within a day. Try again tomorrow.")
        % {"most": MAX_REPEATS_OF_AN_IDENTITY},
    }
