from typing import Any

from django.core.management.base import CommandError

from apps.accounts.enrolment import VALID, has_factor, make_code
from apps.accounts.management.person import PersonCommand
from apps.accounts.services import account_for


class Command(PersonCommand):
    help = "Makes the one-time code with which a role holder adds the first second factor; the one before is void."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        account = account_for(employee)
        code = make_code(account=account, by=self.actor)
        if code is None:
            why = "there is a second factor (see reset_second_factor)" if has_factor(account) else "no role is held"
            raise CommandError(f"{employee} needs no code: {why}.")
        self.tell(options, {"staff_no": employee.staff_no, "enrolment_code": code}, said_of(code))


def said_of(code: str) -> str:
    """Text that commands print: the code and what to do with it."""
    return (
        f"Enrolment code: {code}\nHand it over in person or by telephone, never by mail. It is typed once, within "
        f"{VALID.days} days, to add the first second factor, and is shown this once."
    )
