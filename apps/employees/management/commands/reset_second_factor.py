from typing import Any

from apps.employees.management.person import PersonCommand
from apps.employees.second_factors import remove_factors
from apps.employees.services import account_for


class Command(PersonCommand):
    help = "Takes an employee's second factors away, whose app and paper are gone; who needs one adds it anew."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        reset = remove_factors(account=account_for(employee), by=self.actor)
        self.tell(
            options,
            {"staff_no": employee.staff_no, "reset": reset},
            f"{employee} has no second factor{'' if reset else ' (as before)'}.",
        )
