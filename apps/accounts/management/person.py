"""What commands about one employee share: the staff number, and a plain error when it is nobody's."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.management.base import AppCommand
from apps.employees.models import Employee


class PersonCommand(AppCommand):
    """A command whose first argument is a staff number."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("staff_no")

    def person(self, options: dict[str, Any]) -> Employee:
        """The employee who is meant. Raises CommandError."""
        try:
            return Employee.objects.by_staff_no(options["staff_no"])
        except Employee.DoesNotExist as error:
            raise CommandError(f"no employee has the number {options['staff_no']}") from error
