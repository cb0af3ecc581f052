from dataclasses import asdict
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import AppCommand
from apps.demo.seeding import AlreadySeeded, NotEmpty, seed_demo

ALREADY = "The demo company is there already; nothing was changed."
FOREIGN = (
    "This database holds employees or campaigns that are not the demo's; nothing was changed. "
    "The demo goes into an empty database."
)


class Command(AppCommand):
    help = (
        "Fills an empty database with a demo company: a deep reporting tree, contacts, a running campaign. "
        "The next run finishes an interrupted one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--employees", type=int, default=500, help="how many (500)")
        parser.add_argument("--contacts", type=int, default=80, help="how many each employee recorded on average (80)")
        parser.add_argument("--seed", type=int, default=1, help="another number makes another company (1)")
        parser.add_argument("--if-empty", action="store_true", help="do nothing if the database already has employees")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            seeded = seed_demo(
                employees=options["employees"], contacts=options["contacts"], seed=options["seed"], by=self.actor,
                bar=self.bar,
            )  # fmt: skip
        except (AlreadySeeded, NotEmpty) as error:
            sentence = ALREADY if isinstance(error, AlreadySeeded) else FOREIGN
            if not options["if_empty"]:
                raise CommandError(sentence) from error
            self.tell(options, {"seeded": False, "reason": sentence}, sentence)
            return
        except (ValueError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        if seeded.resumed:
            self.warn("This run finished the demo of an earlier run, with that run's numbers.")
        self.tell(
            options,
            {"seeded": True, **asdict(seeded)},
            f"Made a demo company of {seeded.employees} employees, {seeded.depth} levels deep, with {seeded.contacts} "
            f"contacts and the running campaign {seeded.campaign}: {seeded.red} are red. "
            "The sign-ins: python manage.py demo_sign_ins",
        )
