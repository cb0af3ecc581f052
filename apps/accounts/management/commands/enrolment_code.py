from typing import Any

from django.core.management.base import CommandError

from apps.accounts.enrolment import CODE_LIFETIME, create_enrolment_code, has_factor
from apps.accounts.management.person import PersonCommand
from apps.accounts.services import account_for


class Command(PersonCommand):
    help = (
        "Creates the one-time code with which a role holder adds a first second factor. An earlier code stops working."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        account = account_for(employee)
        code = create_enrolment_code(account=account, by=self.actor)
        if code is None:
            why = "a factor exists (see reset_second_factor)" if has_factor(account) else "the person holds no role"
            raise CommandError(f"{employee} needs no code: {why}.")
        self.print_result(options, {"staff_no": employee.staff_no, "enrolment_code": code}, code_instructions(code))


def code_instructions(code: str) -> str:
    return (
        f"Enrolment code: {code}\nGive it in person or by telephone, never by mail. It works once, within "
        f"{CODE_LIFETIME.days} days, to add the first second factor. It is shown only now."
    )
