from typing import Any

from apps.employees.management.person import PersonCommand
from apps.employees.services import account_for
from apps.employees.sessions import end_sessions


class Command(PersonCommand):
    help = "Signs an employee out of every browser; tokens of programs stay."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        ended = end_sessions(account=account_for(employee), by=self.actor)
        self.tell(
            options,
            {"staff_no": employee.staff_no, "ended": ended},
            f"{employee} is signed in nowhere: {ended} sessions ended.",
        )
