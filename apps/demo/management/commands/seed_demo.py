from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import AppCommand
from apps.demo.seeding import NotEmpty, seed_demo


class Command(AppCommand):
    help = (
        "Fills an empty database with a demo company: a deep reporting tree, contacts, a running campaign. "
        "The next run finishes an interrupted one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--employees", type=int, default=500, help="number of employees (500)")
        parser.add_argument("--contacts", type=int, default=80, help="average number of contacts per employee (80)")
        parser.add_argument("--seed", type=int, default=1, help="seed of the random company (1)")
        parser.add_argument("--if-empty", action="store_true", help="do nothing if the database already has employees")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            seeded = seed_demo(
                employees=options["employees"], contacts=options["contacts"], seed=options["seed"], by=self.actor,
                bar=self.progress_bar,
            )  # fmt: skip
        except NotEmpty as error:
            if not options["if_empty"]:
                raise CommandError(str(error)) from error
            self.print_result(options, {"seeded": False, "reason": str(error)}, str(error))
            return
        except ValueError as error:
            raise CommandError(str(error)) from error
        if seeded["resumed"]:
            self.warn("This run finished an interrupted demo, with that run's numbers.")
        self.print_result(
            options,
            {"seeded": True, **seeded},
            "Created a demo company of {employees} employees, {depth} levels deep, with {contacts} contacts and the "
            "running campaign {campaign}: {red} are red. The sign-ins: python manage.py demo_sign_ins".format(**seeded),
        )
