from typing import Any

from django.core.management.base import CommandParser

from apps.accounts.enrolment import create_enrolment_code
from apps.accounts.management.commands.enrolment_code import code_instructions
from apps.accounts.management.person import PersonCommand
from apps.accounts.models import Role
from apps.accounts.services import account_for, grant_role


class Command(PersonCommand):
    help = "Grants a role to an employee, or revokes it. The audit trail records it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("role", choices=Role.Kind.values)
        parser.add_argument("--revoke", action="store_true", help="revoke the role")

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        changed = grant_role(employee=employee, role=options["role"], by=self.actor, revoke=options["revoke"])
        state = "no longer has" if options["revoke"] else "has"
        was = "" if changed else " (as before)"
        # Without a change, a code that was issued before stays valid.
        code = create_enrolment_code(account=account_for(employee), by=self.actor) if changed else None
        result = {"staff_no": employee.staff_no, "role": options["role"], "changed": changed, "enrolment_code": code}
        message = f"{employee} {state} the role {options['role']}{was}."
        self.print_result(options, result, f"{message}\n{code_instructions(code)}" if code else message)
