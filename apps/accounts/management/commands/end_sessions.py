from typing import Any

from apps.accounts.management.person import PersonCommand
from apps.accounts.services import account_for
from apps.accounts.sessions import end_access


class Command(PersonCommand):
    help = "Signs an employee out of every browser and revokes the employee's tokens."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        ended = end_access(account=account_for(employee), by=self.actor)
        self.print_result(
            options,
            {"staff_no": employee.staff_no, "ended": ended},
            f"{employee} is signed out everywhere and has no token: {ended} sessions ended.",
        )
