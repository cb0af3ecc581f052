import sys
import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.models import ApprovalRequest
from apps.contacts.drafts import kind_of
from apps.core.errors import Refused
from apps.core.identity import KINDS
from apps.core.management.base import AppCommand
from apps.privacy.erase_person import preview_person_erasure
from apps.privacy.erasure_approvals import erase_or_request
from apps.privacy.erasure_subject import identities_of


class Command(AppCommand):
    help = "Erases a person outside the company on request. Phone, e-mail and handle are read from standard input "
    help += (
        "or --file, one per line, never from the command line, which others can read. Without --yes, it only counts. "
    )
    help += "An erasure of more than one employee's contacts needs an HR user's approval."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--file", type=Path, help="a file with one identity per line, instead of standard input")
        parser.add_argument("--reason", default="", help="how the request was received and verified; name no person")
        parser.add_argument("--yes", action="store_true", help="erase; this cannot be undone")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = options["file"].read_text("utf-8-sig") if options["file"] else sys.stdin.read()
        except (OSError, UnicodeError) as error:
            # Only the system's own message: the file may be named after the person.
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise CommandError(f"the identities cannot be read: {why}") from None
        try:
            identities = identities_of(_parse_line(line) for line in text.splitlines())
            if options["yes"]:
                done = erase_or_request(identities, reason=options["reason"], key=uuid.uuid4(), by=self.actor)
            else:
                done = preview_person_erasure(identities, by=self.actor)
        except Refused as refused:
            raise CommandError(f"{refused.message} Nothing was erased.") from None
        if isinstance(done, ApprovalRequest):
            waits = f"Approval request {done.pk} is waiting for an HR user. Nothing was erased."
            self.print_result(options, {"erasure": None, "approval": str(done.pk)}, waits)
            return
        preview = done.preview
        counts = {
            "employees": preview.employees, "contacts": preview.contacts, "files": preview.files,
            "reports": preview.reports, "reviews": done.reviews, "names": preview.names + done.names,
            "busy": preview.busy,
        }  # fmt: skip
        for table, row in done.kept_mentions:
            self.warn(f"{table} {row} mentions this person and cannot be changed.")
        if done.erasure:
            self.warn("Existing backups and downloaded files may still contain this person.")
        elsewhere = [{"table": table, "id": str(row)} for table, row in done.kept_mentions]
        erasure = str(done.erasure.pk) if done.erasure else None
        title = f"Erased ({erasure})" if erasure else "Found, and nothing was changed"
        lines = f"{title}: {', '.join(f'{count} {name}' for name, count in counts.items() if name != 'busy')}."
        self.print_result(options, {"erasure": erasure, **counts, "elsewhere": elsewhere}, lines)


def _parse_line(line: str) -> tuple[str, str]:
    """Return a line as (kind, text): `email: x` names the kind; for a text alone, its form decides."""
    kind, colon, rest = line.partition(":")
    if colon and kind.strip().lower() in KINDS:
        return kind.strip().lower(), rest.strip()
    return kind_of(line), line.strip()
