from collections.abc import Callable
from smtplib import SMTPException
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from apps.accounts.password_reset import has_pending_email_change, has_unproven_email
from apps.accounts.services import account_for, invite, set_password_link
from apps.core.clock import db_now
from apps.core.management.base import AppCommand
from apps.employees.models import Employee

BATCH = 500


class Command(AppCommand):
    help = "Sends each employee without a password a link to set one. --print writes the links instead."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--staff-no", help="only this employee")
        parser.add_argument("--print", action="store_true", help="write the links instead of sending them")

    def handle(self, *args: Any, **options: Any) -> None:
        employees = Employee.objects.employed_at(db_now()).filter(account__password__in=["", "!"])
        employees = employees | Employee.objects.employed_at(db_now()).filter(account=None)
        if options["staff_no"] and options["print"]:
            # Includes employees with a password: where no link may be mailed, a printed link is the only way to a new
            # one.
            employees = Employee.objects.employed_at(db_now())
        if options["staff_no"]:
            if (employee := Employee.objects.find_by_staff_no(options["staff_no"])) is None:
                raise CommandError(f"no employee has the number {options['staff_no']}")
            employees = employees.filter(pk=employee.pk)
        links = {}
        sent = 0
        with self.progress_bar("mails", employees.count()) as progress:
            if options["print"]:
                for employee in employees.iterator(chunk_size=BATCH):
                    links[employee.staff_no] = set_password_link(account_for(employee), printed=True)
            else:
                sent = self._mail(employees, progress)
        lines = [f"{staff_no}  {link}" for staff_no, link in links.items()]
        summary = "\n".join(lines) if options["print"] else f"{sent} invitations sent."
        self.print_result(options, {"sent": sent, "links": links}, summary or "Everyone already has a password.")

    def _mail(self, employees: QuerySet[Employee], progress: Callable[[int], None]) -> int:
        # No link goes to an address that waits for approval, that another employee now has, or that is unproven.
        people = (
            employee
            for employee in employees.iterator(chunk_size=BATCH)
            if not has_pending_email_change(employee.pk) and not has_unproven_email(employee.pk)
        )
        try:
            return invite(employees=people, by=self.actor, progress=progress)
        except (OSError, SMTPException) as error:
            raise CommandError(
                f"the mail server refused an e-mail: {error}. The audit trail lists the e-mails that were sent."
            ) from error
