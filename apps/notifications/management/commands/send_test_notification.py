from typing import Any

from django.core.management.base import CommandError

from apps.accounts.management.person import PersonCommand
from apps.notifications.trial_message import send_test_message


class Command(PersonCommand):
    help = "Sends a test message to an employee by every channel, now, and prints what the services answered."

    def handle(self, *args: Any, **options: Any) -> None:
        employee = self.person(options)
        answers = send_test_message(name=employee.name, address=employee.email, chat_id=employee.chat_id)
        failed = {channel: answer for channel, answer in answers.items() if answer != "sent"}
        if failed and not options["json"]:
            raise CommandError("; ".join(f"{channel}: {answer}" for channel, answer in failed.items()))
        channels = ", ".join(answers)
        self.print_result(options, {"staff_no": employee.staff_no, **answers}, f"Sent to {employee} by {channels}.")
