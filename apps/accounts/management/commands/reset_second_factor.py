from typing import Any

from apps.accounts.enrolment import create_enrolment_code
from apps.accounts.management.commands.enrolment_code import code_instructions
from apps.accounts.management.person import PersonCommand
from apps.accounts.second_factors import remove_factors
from apps.accounts.services import account_for


class Command(PersonCommand):
    help = "Removes an employee's second factors, for example after a lost phone, and prints an enrolment code."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        account = account_for(employee)
        reset = remove_factors(account=account, by=self.actor)
        code = create_enrolment_code(account=account, by=self.actor, after_reset=reset)
        message = f"{employee} has no second factor{'' if reset else ' (as before)'}."
        self.print_result(
            options,
            {"staff_no": employee.staff_no, "reset": reset, "enrolment_code": code},
            f"{message}\n{code_instructions(code)}" if code else message,
        )
