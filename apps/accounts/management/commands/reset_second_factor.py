from typing import Any

from apps.accounts.enrolment import make_code
from apps.accounts.management.commands.enrolment_code import said_of
from apps.accounts.management.person import PersonCommand
from apps.accounts.second_factors import remove_factors
from apps.accounts.services import account_for


class Command(PersonCommand):
    help = "Removes an employee's second factors, whose app and paper are gone; a role holder gets an enrolment code."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        account = account_for(employee)
        reset = remove_factors(account=account, by=self.actor)
        code = make_code(account=account, by=self.actor)
        said = f"{employee} has no second factor{'' if reset else ' (as before)'}."
        self.tell(
            options,
            {"staff_no": employee.staff_no, "reset": reset, "enrolment_code": code},
            f"{said}\n{said_of(code)}" if code else said,
        )
