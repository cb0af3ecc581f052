from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts import api_tokens
from apps.accounts.management.person import PersonCommand
from apps.accounts.services import account_for
from apps.core.errors import Refused


class Command(PersonCommand):
    help = "Creates a token with which a program signs in as an employee, and prints it once."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--scope", action="append", required=True, choices=[scope.value for scope in api_tokens.SCOPES],
            help="a scope of the token; can be repeated",
        )  # fmt: skip
        parser.add_argument("--name", required=True, help="the program that will use it")
        parser.add_argument(
            "--days",
            type=int,
            default=api_tokens.DEFAULT_DAYS,
            help="it expires after this many days (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        try:
            token, secret = api_tokens.create_token(
                account=account_for(employee), name=options["name"], scopes=options["scope"], days=options["days"],
                by=self.actor, second_factor=True,
            )  # fmt: skip
        except Refused as refused:
            raise CommandError(refused.message) from refused
        self.warn("The token is shown only once. Store it like a password.")
        output = {
            "id": token.pk, "staff_no": employee.staff_no, "name": token.name, "scopes": token.scopes,
            "expires_at": token.expires_at.isoformat(), "secret": secret,
        }  # fmt: skip
        self.print_result(options, output, secret)
