from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.api_tokens import revoke_token
from apps.accounts.models import ApiToken
from apps.core.management.base import AppCommand


class Command(AppCommand):
    help = "Revokes an employee's tokens: all of them, or those of one name. They open nothing from then on."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("staff_no")
        parser.add_argument("--name", help="only the tokens with this name")

    def handle(self, *args: Any, **options: Any) -> None:
        tokens = ApiToken.objects.filter(account__employee__staff_no=options["staff_no"]).select_related("account")
        if options["name"] is not None:
            tokens = tokens.filter(name=options["name"])
        if not tokens.exists():
            raise CommandError(f"{options['staff_no']} has no such token")
        revoked = [token.name for token in tokens.order_by("pk") if revoke_token(token=token, by=self.actor)]
        names = ", ".join(revoked) or "none: they had been revoked before"
        self.tell(options, {"staff_no": options["staff_no"], "revoked": revoked}, f"Revoked {names}.")
