"""Labels for the actions of the audit trail, as HR and auditors read them."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.dashboard.labels import base

SUBJECT_AREAS: dict[str, Any] = {
    "": _("All activity"),
    "account": _("Sign-ins and passwords"),
    "role": _("Roles"),
    "token": _("Tokens"),
    "webhook": _("Webhooks"),
    "roster": _("Roster"),
    "room": _("Group chats"),
    "deputy": _("Deputies"),
    "campaign": _("Campaigns"),
    "announcement": _("Announcements"),
    "adjustment": _("Adjustments"),
    "approval": _("Approvals"),
    "review": _("Reviews"),
    "reminder": _("Reminders"),
    "help": _("Offers of help"),
    "correction": _("Corrections"),
    "standing": _("Targets of employees and repairs"),
    "export": _("Exports"),
    "contact": _("Contacts"),
    "submission": _("Undone imports of contacts"),
    "erasure": _("Erasures"),
    "retention": _("Retention"),
    "person": _("Views of people's records"),
    "audit": _("Downloads of the audit trail"),
    "database": _("Changes outside Hundred"),
}
ACTIONS: dict[str, Any] = {
    "account.created": _("created an account"),
    "account.invited": _("invited"),
    "account.signed_in": _("signed in"),
    "account.signed_on": _("signed in at the company's provider"),
    "account.bound": _("linked an account to a sign-in at the company's provider"),
    "account.unbound": _("unlinked an account from the company's provider"),
    "account.not_signed_on_unproven": _("sign-in refused: the provider's answer was not valid"),
    "account.not_signed_on_cancelled": _("sign-in cancelled at the provider's page"),
    "account.not_signed_on_away": _("sign-in refused: the provider did not answer"),
    "account.not_signed_on_unknown": _("sign-in refused: not on the roster"),
    "account.not_signed_on_not_employed": _("sign-in refused: not employed now"),
    "account.not_signed_on_other_subject": _(
        "sign-in refused: the account is linked to another sign-in at the provider"
    ),
    "account.signed_out": _("signed out"),
    "account.session_ended": _("signed out another own browser"),
    "account.sessions_ended": _("signed out browsers"),
    "account.sign_in_refused": _("sign-in refused"),
    "account.locked_out": _("sign-in refused: too many tries"),
    "account.tokens_ended": _("ended tokens"),
    "account.enrolment_code_made": _("created an enrolment code"),
    "account.enrolment_code_refused": _("sign-in refused: a wrong enrolment code"),
    "account.factor_added": _("added a second factor"),
    "account.factor_removed": _("removed the second factor"),
    "account.codes_renewed": _("created new recovery codes"),
    "account.factor_reset": _("reset the second factor of an account"),
    "account.factor_resealed": _("encrypted a second factor with the new key"),
    "account.factor_refused": _("sign-in refused: a wrong second factor"),
    "account.password_hashed_anew": _("upgraded a password hash"),
    "account.password_set": _("set a password"),
    "account.link_mailed": _("mailed a link for a new password"),
    "account.password_changed": _("changed the password"),
    "adjustment.asked": _("requested an adjustment"),
    "adjustment.granted": _("approved an adjustment"),
    "adjustment.refused": _("refused an adjustment"),
    "adjustment.withdrawn": _("withdrew an adjustment"),
    "adjustment.end_asked": _("requested the end of an adjustment"),
    "adjustment.end_granted": _("ended an adjustment"),
    "adjustment.end_refused": _("refused to end an adjustment"),
    "adjustment.end_withdrawn": _("withdrew the end of an adjustment"),
    "announcement.requested": _("requested an announcement"),
    "announcement.published": _("published an announcement"),
    "announcement.withdrawn": _("withdrew an announcement"),
    "approval.requested": _("requested a change that needs a second person"),
    "approval.approved": _("approved as the second person"),
    "approval.refused": _("refused as the second person"),
    "approval.withdrawn": _("withdrew a request that needed a second person"),
    "approval.superseded": _("closed a request that another change had replaced"),
    "audit.exported": _("downloaded the audit trail"),
    "campaign.opened": _("opened a campaign"),
    "campaign.domains_requested": _("requested a campaign that shows whose contact a person is"),
    "campaign.rule_changed": _("changed a campaign's rule"),
    "campaign.cancelled": _("cancelled a campaign"),
    "campaign.closing": _("began to close a campaign"),
    "campaign.kept": _("set the snapshot of a freeze"),
    "campaign.waits_for_feed": _("made a campaign wait for the feed"),
    "campaign.frozen": _("froze a campaign"),
    "contact.corrected": _("corrected a contact"),
    "contact.ended": _("ended a contact"),
    "contact.forwarded": _("changed a corrected contact by a feed's row about the replaced one"),
    "contact.merged": _("merged two contacts by a feed"),
    "contact.moved": _("moved a contact's start by a feed"),
    "contact.renamed": _("renamed a contact"),
    "contact.restored": _("restored a contact"),
    "contact.restore_refused": _("tried to restore a contact that a campaign keeps ended"),
    "correction.asked": _("requested a correction"),
    "correction.granted": _("approved a correction"),
    "correction.refused": _("refused a correction"),
    "correction.withdrawn": _("withdrew a correction"),
    "correction.made": _("created a corrected result"),
    "database.insert": _("added rows outside Hundred"),
    "database.update": _("changed rows outside Hundred"),
    "database.delete": _("deleted rows outside Hundred"),
    "database.truncate": _("emptied a table outside Hundred"),
    "deputy.ended": _("ended a deputyship"),
    "deputy.named": _("named a deputy"),
    "demo.seeded": _("filled in the demo company"),
    "erasure.looked": _("searched for a person to erase"),
    "erasure.asked": _("requested an erasure"),
    "erasure.done": _("erased a person"),
    "export.asked": _("requested a file"),
    "export.made": _("created a file"),
    "export.sent": _("downloaded a CSV"),
    "export.downloaded": _("downloaded a file"),
    "export.scheduled": _("scheduled a file"),
    "export.schedule_paused": _("paused a scheduled file"),
    "export.schedule_resumed": _("resumed a scheduled file"),
    "export.schedule_deleted": _("deleted a scheduled file"),
    "export.schedule_ended": _("ended a scheduled file"),
    "notification.tested": _("sent a test notification"),
    "person.standing_read": _("viewed a standing"),
    "person.adjustment_read": _("viewed an adjustment"),
    "person.account_read": _("viewed an account"),
    "person.roster_read": _("viewed a line of the roster"),
    "help.offered": _("offered an employee help"),
    "help.withdrawn": _("withdrew an offer of help"),
    "reminder.sent": _("sent a reminder"),
    "reminder.text_added": _("approved a text for reminders"),
    "reminder.text_changed": _("changed a text for reminders"),
    "reminder.text_withdrawn": _("withdrew a text for reminders"),
    "retention.blanked": _("erased contacts at the end of their retention"),
    "retention.freed": _("released the identities of erased contacts"),
    "review.asked": _("requested a review"),
    "review.read": _("read a review"),
    "review.answered": _("answered a review"),
    "review.erased": _("removed an erased person from the text of a review"),
    "review.withdrawn": _("withdrew a review"),
    "role.granted": _("granted a role"),
    "role.revoked": _("revoked a role"),
    "room.set": _("set up a group chat"),
    "room.removed": _("removed a group chat"),
    "room.teams_allowed": _("allowed group chats of teams"),
    "room.teams_stopped": _("stopped group chats of teams"),
    "roster.previewed": _("previewed a roster file"),
    "roster.loaded": _("loaded the roster"),
    "roster.downloaded": _("downloaded the roster"),
    "roster.difference_taken": _("downloaded a roster's difference"),
    "roster.undone": _("undid a load of the roster"),
    "roster.addresses_changed": _("changed e-mail addresses of the roster"),
    "roster.effect_counted": _("confirmed a roster file or an undo that needs a second person"),
    "roster.touches_contacts": _("loaded a roster that affects another employee's contact: a second person decides"),
    "standing.adjusted": _("adjusted the target of an employee"),
    "standing.adjustment_ended": _("ended the adjustment of an employee's target"),
    "standing.repaired": _("repaired a standing"),
    "submission.undone": _("undid an import of contacts"),
    "token.created": _("created a token"),
    "token.revoked": _("revoked a token"),
    "webhook.added": _("added a webhook"),
    "webhook.secret_rotated": _("replaced the secret of a webhook"),
    "webhook.enabled": _("enabled a webhook"),
    "webhook.disabled": _("disabled a webhook"),
    "webhook.deleted": _("deleted a webhook"),
    "webhook.tested": _("sent a test event to a webhook"),
    "webhook.replayed": _("sent an event to a webhook once more"),
}
# The subject of an entry without a name; contacts never have one here.
SUBJECTS: dict[str, Any] = {
    "contact": _("contact"),
    "submission": _("file of contacts"),
    "adjustment": _("adjustment"),
    "correction": _("correction"),
    "erasure": _("erasure"),
    "review": _("review"),
    "reminder": _("reminder"),
    "help": _("offer of help"),
    "export": _("file"),
    "export_schedule": _("scheduled file"),
    "channel": _("channel"),
    "retention": _("retention"),
    "roster": _("load of the roster"),
    "room": _("group chat"),
    "token": _("token"),
}
# The content of a table with change triggers.
TABLES: dict[str, Any] = {
    "employees_employee": _("lines of the roster"),
    "employees_employeeidentity": _("people's addresses and phones"),
    "employees_employment": _("periods of employment"),
    "employees_placement": _("places in the org tree"),
    "accounts_account": _("accounts"),
    "accounts_account_groups": _("accounts' groups"),
    "accounts_account_user_permissions": _("accounts' rights"),
    "accounts_role": _("roles"),
    "mfa_authenticator": _("second factors"),
    "accounts_providersubject": _("accounts' links to the company's provider"),
    "accounts_deputyship": _("deputies"),
    "contacts_contact": _("contacts"),
    "contacts_contactidentity": _("contacts' identities"),
    "contacts_sighting": _("contact data from a feed"),
    "contacts_erasure": _("erasures"),
    "contacts_suppressedidentity": _("objections"),
    "campaigns_campaign": _("campaigns"),
    "campaigns_campaignrule": _("campaigns' rules"),
    "campaigns_adjustment": _("adjustments"),
    "campaigns_announcement": _("announcements"),
    "campaigns_adjustmentrequest": _("requests for adjustments"),
    "results_frozenresult": _("results"),
    "results_frozenstanding": _("results' standings"),
    "results_frozenorgposition": _("results' org trees"),
    "results_frozenreason": _("results' reasons"),
    "results_resultcorrection": _("corrections"),
    "results_correctionline": _("lines of corrections"),
}
# `%(count)s` rows; of an emptied table the number is unknown.
OPERATIONS: dict[str, Any] = {
    "insert": _("%(count)s added"),
    "update": _("%(count)s changed"),
    "delete": _("%(count)s deleted"),
    "truncate": _("emptied"),
}
# By the first word of an origin; the rest is an address, or the name of a command or of a database user.
ORIGINS: dict[str, Any] = {
    "page": _("Web page"),
    "api": _("API"),
    "command": _("Command line"),
    "worker": _("Background task"),
    "system": _("Hundred itself"),
    "database": _("Database"),
}


def actor(label: str) -> str:
    """An actor as the audit trail stores it, in the reader's language; the name of a person stays as it is."""
    if label == "system":
        return str(_("system"))
    # A failed sign-in: the typed name is not stored, because users type passwords into that field.
    if label == "?":
        return str(_("unknown"))
    if label == "command line":
        return str(_("command line"))
    if label.startswith("command line ("):
        return str(_("command line (%(user)s)") % {"user": label.removeprefix("command line (").removesuffix(")")})
    if label.startswith("OpenID provider "):
        return str(_("sign-in service %(issuer)s") % {"issuer": label.removeprefix("OpenID provider ")})
    return label


def actor_of(entry: Any) -> str:
    """The actor of an entry in the reader's language."""
    if entry.action.startswith("database."):
        return str(_("database user %(name)s") % {"name": entry.actor_label})
    return actor(entry.actor_label)


def origin(text: str) -> tuple[str, str]:
    """The kind of an origin in the reader's language, and its address or name: `page 10.1.2.3`."""
    kind, _blank, rest = text.partition(" ")
    return (str(ORIGINS[kind]), rest) if kind in ORIGINS else (text, "")


def changed_rows(table: str, operation: str, rows: int | None) -> str:
    """What one action changed in a table: "roles: 1 added"."""
    what = str(OPERATIONS.get(operation, operation)) % {"count": "" if rows is None else base.number(rows)}
    return str(_("%(label)s: %(text)s") % {"label": TABLES.get(table, table), "text": what.strip()})
