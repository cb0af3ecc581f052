"""Base of the commands about one employee."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import AppCommand
from apps.employees.models import Employee


class PersonCommand(AppCommand):
    # Whether the number must be the argument; a command may take it by an option as well.
    requires_number = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        nargs = None if self.requires_number else "?"
        parser.add_argument("staff_no", nargs=nargs, help="the staff number, in upper or lower case")

    def person(self, options: dict[str, Any]) -> Employee:
        """Return the employee with the given staff number. Raises CommandError."""
        try:
            return Employee.objects.get_by_staff_no(options["staff_no"])
        except Employee.DoesNotExist as error:
            raise CommandError(f"no employee has the number {options['staff_no']}") from error
