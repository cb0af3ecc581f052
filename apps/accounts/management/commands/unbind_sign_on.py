from typing import Any

from apps.accounts.management.person import PersonCommand
from apps.accounts.oidc_login import unbind


class Command(PersonCommand):
    help = "Unlinks an employee's account from the company's OpenID provider. The next sign-in there links it again."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        untied = unbind(employee=employee, by=self.actor)
        self.print_result(
            options,
            {"staff_no": employee.staff_no, "untied": untied},
            f"{employee} is linked to no account at the provider{'' if untied else ' (as before)'}.",
        )
