import sys
import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.approvals import ApprovalRefused
from apps.accounts.models import ApprovalRequest
from apps.contacts.drafts import kind_of
from apps.core.identity import KINDS
from apps.core.management.base import AppCommand
from apps.privacy.erase_person import preview_person_erasure
from apps.privacy.erasure_approvals import erase_or_request
from apps.privacy.erasure_subject import ErasureRefused, identities_of


class Command(AppCommand):
    help = "Forgets somebody outside who asks for it. Their phone, e-mail and handle are read from standard input or "
    help += "--file, one a line, never from the command line, which others can read. Without --yes it only counts. "
    help += "What more than one employee has recorded waits for an HR user's approval."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--file", type=Path, help="a file with one identity a line, in place of standard input")
        parser.add_argument("--reason", default="", help="how the request came and was checked; never who it is about")
        parser.add_argument("--yes", action="store_true", help="erase; it cannot be taken back")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = options["file"].read_text("utf-8-sig") if options["file"] else sys.stdin.read()
        except (OSError, UnicodeError) as error:
            # Only the system's own message: the file may be named after the person.
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise CommandError(f"the identities cannot be read: {why}") from None
        try:
            identities = identities_of(_told(line) for line in text.splitlines())
            if options["yes"]:
                done = erase_or_request(identities, reason=options["reason"], key=uuid.uuid4(), by=self.actor)
            else:
                done = preview_person_erasure(identities, by=self.actor)
        except (ErasureRefused, ApprovalRefused) as refused:
            raise CommandError(f"{refused.message} Nobody was erased.") from None
        if isinstance(done, ApprovalRequest):
            waits = f"Approval request {done.pk} waits for an HR user. Nobody was erased."
            self.tell(options, {"erasure": None, "approval": str(done.pk)}, waits)
            return
        found = done.found
        counts = {
            "employees": found.employees, "contacts": found.contacts, "files": found.files,
            "reports": found.reports, "reviews": done.texts, "names": found.names + done.names, "busy": found.busy,
        }  # fmt: skip
        for table, row in done.elsewhere:
            self.warn(f"{table} {row} speaks of this person, and cannot be changed: it stays as it is.")
        if done.erasure:
            self.warn("Backups and files that people downloaded before may still hold this person.")
        elsewhere = [{"table": table, "id": str(row)} for table, row in done.elsewhere]
        erasure = str(done.erasure.pk) if done.erasure else None
        said = f"Erased ({erasure})" if erasure else "There are, and nothing was changed"
        lines = f"{said}: {', '.join(f'{count} {name}' for name, count in counts.items() if name != 'busy')}."
        self.tell(options, {"erasure": erasure, **counts, "elsewhere": elsewhere}, lines)


def _told(line: str) -> tuple[str, str]:
    """Return a line as (kind, text): `email: x` names the kind; for a text alone, its form decides."""
    kind, colon, rest = line.partition(":")
    if colon and kind.strip().lower() in KINDS:
        return kind.strip().lower(), rest.strip()
    return kind_of(line), line.strip()
