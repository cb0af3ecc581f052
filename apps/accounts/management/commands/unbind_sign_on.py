from typing import Any

from apps.accounts.management.person import PersonCommand
from apps.accounts.oidc_login import unlink


class Command(PersonCommand):
    help = "Unties an employee's account from the company's OpenID provider: the next sign-in there ties it again."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        untied = unlink(employee=employee, by=self.actor)
        self.tell(
            options,
            {"staff_no": employee.staff_no, "untied": untied},
            f"{employee} is tied to nobody at the provider{'' if untied else ' (as before)'}.",
        )
