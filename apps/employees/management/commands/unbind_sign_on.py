from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.employees.models import Employee
from apps.employees.sign_on import unbind
from apps.ledger.management.house import HouseCommand


class Command(HouseCommand):
    help = "Unties an employee's account from the company's OpenID provider: the next sign-in there ties it again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("staff_no")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            employee = Employee.objects.by_staff_no(options["staff_no"])
        except Employee.DoesNotExist as error:
            raise CommandError(f"no employee has the number {options['staff_no']}") from error
        untied = unbind(employee=employee, by=self.actor)
        self.tell(
            options,
            {"staff_no": employee.staff_no, "untied": untied},
            f"{employee} is tied to nobody at the provider{'' if untied else ' (as before)'}.",
        )
