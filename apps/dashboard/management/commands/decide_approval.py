import sys
import uuid
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.approvals import refuse_request
from apps.accounts.models import ApprovalRequest
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.management.base import AppCommand
from apps.dashboard.labels import approvals
from apps.roster.email_changes import roles_of, waiting_changes
from apps.standings.approvable_changes import approve_request, effect_digest, effect_of_request


class Command(AppCommand):
    help = "Approves or refuses a waiting change as the operator, if no second HR user can. The audit trail records it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", type=uuid.UUID, help="as `approvals` prints it")
        decision = parser.add_mutually_exclusive_group(required=True)
        decision.add_argument("--approve", action="store_true", help="make the change")
        decision.add_argument("--refuse", metavar="WHY", help="refuse it, with the reason for the requester")
        parser.add_argument("--yes", action="store_true", help="do not ask for a confirmation")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            request = ApprovalRequest.objects.get(pk=options["id"])
            effect = effect_of_request(request, db_now())
            self._show(request, effect)
            self._confirm(options)
            if options["approve"]:
                # The operator approves the effect that was just printed: if it changes meanwhile, the service refuses.
                seen = effect_digest(effect)
                approve_request(request_id=request.pk, expected_digest=seen, by=self.actor, by_operator=True)
            else:
                refuse_request(request_id=request.pk, note=options["refuse"], by=self.actor, by_operator=True)
        except ApprovalRequest.DoesNotExist as error:
            raise CommandError(f"There is no request {options['id']}.") from error
        except Refused as refused:
            raise CommandError(f"{refused.message} Nothing was changed.") from refused
        decision = "approved" if options["approve"] else "refused"
        self.print_result(
            options, {"id": request.pk, "decision": decision, "effect": effect}, f"The request is {decision}."
        )

    def _show(self, request: ApprovalRequest, effect: dict[str, int]) -> None:
        """On standard error: standard output carries the result."""
        title = approvals.kind_of(request).title
        self.stderr.write(f"{title}: {request.label}, requested by {request.requested_by_label}")
        for line in approvals.effect_lines(effect):
            self.stderr.write(f"  {line}")
        for change in waiting_changes(request):
            roles = ", ".join(role.role for role in roles_of(change.employee))
            self.stderr.write(
                f"  {change.employee}{f' [{roles}]' if roles else ''}: {change.old_email} > {change.new_email}"
            )

    def _confirm(self, options: dict[str, Any]) -> None:
        if options["yes"]:
            return
        # In a script a prompt would wait for ever.
        if not sys.stdin.isatty():
            raise CommandError("This is not a terminal: use --yes to decide without confirmation. Nothing was changed.")
        self.stderr.write("Continue? [y/N] ", ending="")
        if input().strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was changed.")
