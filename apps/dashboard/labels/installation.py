"""The words of the operator's home: what is checked, what waits, and what to do about it."""

from django.utils.translation import gettext_lazy as _

from apps.dashboard.labels.base import Badge, Text

WORKER_ADVICE = _("Check that a worker runs and reaches the database.")
CHECKS: dict[str, Text] = {
    "database": _("Database"),
    "migrations": _("Tables"),
    "drift": _("Nightly recount"),
    "notifications": _("Notification channels"),
    "webhooks": _("Webhooks"),
    "audit_stream": _("Audit stream"),
    "signing": _("Signing key"),
    "replica": _("Read replica"),
    "broker": _("Broker"),
}
# What to do when a check fails.
ADVICE: dict[str, Text] = {
    "migrations": _("Run “manage.py migrate” as the owner of the database."),
    "drift": _(
        "Stored numbers differed from the facts. The audit trail names the employees. Find the cause, then run "
        "“manage.py recount --repair”."
    ),
    "notifications": _("See why notifications failed, and send yourself a test."),
    "webhooks": _("See the responses of the failing servers."),
    "audit_stream": _(
        "The receiver of the audit trail refuses entries, so they wait in the database. “manage.py stream_audit_trail” "
        "shows why."
    ),
    "signing": _("Set SIGNING_KEY for the worker. Without it no result can be final."),
    "replica": _("Pages read from the primary database until the replica has caught up."),
    "broker": _("Start the broker. Until then the scheduler finds the work, within a minute."),
}
QUEUES: dict[str, Text] = {
    "outbox": _("Standings to evaluate"),
    "ranges": _("Groups of employees to evaluate"),
    "previews": _("Uploads to preview"),
    "submissions": _("Contact files to record"),
    "roster_loads": _("Roster files to load"),
    "directory": _("Changes of the directory to load"),
    "exports": _("Files to create"),
    "events": _("Events to notify of"),
    "security_mails": _("Security e-mails to send"),
    "audit_stream": _("Audit entries to send"),
}
# What to do when it waits too long, where another cause is more likely than a missing worker.
QUEUE_ADVICE: dict[str, Text] = {
    "directory": _("Check that a worker runs, and that the token's owner may load the roster."),
    "security_mails": _("Check that a worker runs, and send yourself a test: it shows what the mail server answers."),
    "audit_stream": ADVICE["audit_stream"],
}
JOBS: dict[str, Text] = {
    "scheduler": _("Scheduler, every minute"),
    "recount": _("Recount, every night"),
    "retention": _("Retention, every night"),
    "forecast": _("Forecasts, every night"),
}
JOB_ADVICE = _("Check that the scheduler (beat) and a worker run.")
OK = Badge("ok", _("OK"), "green", "check")
WRONG = Badge("wrong", _("Needs attention"), "amber", "triangle-alert")
NONE_YET = Badge("none", _("Not run yet"), "", "minus")
EMPTY = Badge("empty", _("Nothing waits"), "", "check")
BUSY = Badge("busy", _("Being processed"), "", "hourglass")
LATE = Badge("late", _("Late"), "amber", "clock-alert")


def check_badge(state: str) -> Badge:
    return OK if state == "ok" else WRONG


def queue_advice(work: str) -> Text:
    return QUEUE_ADVICE.get(work, WORKER_ADVICE)


def queue_badge(waiting: int, *, is_late: bool) -> Badge:
    if is_late:
        return LATE
    return BUSY if waiting else EMPTY


def job_badge(*, has_run: bool, is_late: bool) -> Badge:
    if is_late:
        return LATE
    return OK if has_run else NONE_YET
