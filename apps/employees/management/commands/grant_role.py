from typing import Any

from django.core.management.base import CommandParser

from apps.employees.management.person import PersonCommand
from apps.employees.models import Role
from apps.employees.services import grant_role


class Command(PersonCommand):
    help = "Gives an employee a role, or takes it away; the change stands in the audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("role", choices=Role.Kind.values)
        parser.add_argument("--revoke", action="store_true", help="take the role away")

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        changed = grant_role(employee=employee, role=options["role"], by=self.actor, revoke=options["revoke"])
        state = "no longer has" if options["revoke"] else "has"
        was = "" if changed else " (as before)"
        self.tell(
            options,
            {"staff_no": employee.staff_no, "role": options["role"], "changed": changed},
            f"{employee} {state} the role {options['role']}{was}.",
        )
