"""Labels of the audit trail's subjects, actors, origins and changed tables, as HR and auditors read them."""

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
    "directory": _("Company directory"),
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
    "directory": _("user of the directory"),
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
    "scim": _("Company directory"),
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
