from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.api_tokens import revoke_token
from apps.accounts.management.person import PersonCommand
from apps.accounts.models import ApiToken


class Command(PersonCommand):
    help = "Revokes an employee's tokens: all of them, or those with one name."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", help="only the tokens with this name")

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        tokens = ApiToken.objects.filter(account__employee=employee).select_related("account")
        if options["name"] is not None:
            tokens = tokens.filter(name=options["name"])
        if not tokens.exists():
            raise CommandError(f"{employee.staff_no} has no such token")
        revoked = [token.name for token in tokens.order_by("pk") if revoke_token(token=token, by=self.actor)]
        names = ", ".join(revoked) or "none: they were already revoked"
        self.print_result(options, {"staff_no": employee.staff_no, "revoked": revoked}, f"Revoked {names}.")
