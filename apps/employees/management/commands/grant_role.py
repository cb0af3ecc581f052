from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.employees.models import Employee, Role
from apps.employees.services import grant_role
from apps.ledger.management.house import HouseCommand


class Command(HouseCommand):
    help = "Gives an employee a role, or takes it away; the change stands in the audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("staff_no")
        parser.add_argument("role", choices=Role.Kind.values)
        parser.add_argument("--revoke", action="store_true", help="take the role away")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            employee = Employee.objects.by_staff_no(options["staff_no"])
        except Employee.DoesNotExist as error:
            raise CommandError(f"no employee has the number {options['staff_no']}") from error
        changed = grant_role(employee=employee, role=options["role"], by=self.actor, revoke=options["revoke"])
        state = "no longer has" if options["revoke"] else "has"
        was = "" if changed else " (as before)"
        self.tell(
            options,
            {"staff_no": employee.staff_no, "role": options["role"], "changed": changed},
            f"{employee} {state} the role {options['role']}{was}.",
        )
