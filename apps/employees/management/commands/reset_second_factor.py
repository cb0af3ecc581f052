from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.employees.models import Employee
from apps.employees.second_factors import remove_factors
from apps.employees.services import account_for
from apps.ledger.management.house import HouseCommand


class Command(HouseCommand):
    help = "Takes an employee's second factors away, whose app and paper are gone; who needs one adds it anew."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("staff_no")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            employee = Employee.objects.by_staff_no(options["staff_no"])
        except Employee.DoesNotExist as error:
            raise CommandError(f"no employee has the number {options['staff_no']}") from error
        reset = remove_factors(account=account_for(employee), by=self.actor)
        self.tell(
            options,
            {"staff_no": employee.staff_no, "reset": reset},
            f"{employee} has no second factor{'' if reset else ' (as before)'}.",
        )
