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
            raise CommandError(
                "There is no demo in this database; seed_demo creates one in an empty database."
            ) from none
        columns = ("role", "login", "password")
        rows = [columns, *([row[column] for column in columns] for row in accounts)]
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        self.print_result(options, {"sign_ins": accounts}, "\n".join(lines))
