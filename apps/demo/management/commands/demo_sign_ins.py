from typing import Any

from django.core.management.base import CommandError

from apps.core.management.base import AppCommand
from apps.demo.seeding import NoDemo, sign_ins


class Command(AppCommand):
    help = "Prints how to sign in to the demo company: role, login and password."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            accounts = sign_ins()
        except NoDemo as none:
            raise CommandError("There is no demo in this database; seed_demo makes one in an empty database.") from none
        columns = ("role", "login", "password")
        widths = [max(len(row[column]) for row in (*accounts, {column: column})) for column in columns]
        rows = [dict(zip(columns, columns, strict=True)), *accounts]
        table = "\n".join(
            "  ".join(row[column].ljust(width) for column, width in zip(columns, widths, strict=True)).rstrip()
            for row in rows
        )
        self.tell(options, {"sign_ins": accounts}, table)
