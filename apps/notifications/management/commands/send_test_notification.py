from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.accounts.management.person import PersonCommand
from apps.notifications.channels import CHANNELS
from apps.notifications.trial_message import send_test_message, testable_channels


class Command(PersonCommand):
    help = "Sends a test message to an employee, now, and prints what the services answered."

    requires_number = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--to", metavar="NUMBER", help="the staff number, in upper or lower case")
        parser.add_argument("--channel", choices=sorted(CHANNELS), help="one channel; without it every configured one")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["staff_no"]) == bool(options["to"]):
            raise CommandError("name one person, by NUMBER or by --to NUMBER", returncode=2)
        if options["channel"] and options["channel"] not in testable_channels():
            raise CommandError(f"the channel {options['channel']} is not configured")
        employee = self.person(options | {"staff_no": options["staff_no"] or options["to"]})
        channels = [options["channel"]] if options["channel"] else None
        recipient = {"name": employee.name, "address": employee.email, "chat_id": employee.chat_id}
        answers = send_test_message(**recipient, channels=channels)
        failed = {channel: answer for channel, answer in answers.items() if answer != "sent"}
        if failed and not options["json"]:
            raise CommandError("; ".join(f"{channel}: {answer}" for channel, answer in failed.items()))
        names = ", ".join(answers)
        self.print_result(options, {"staff_no": employee.staff_no, **answers}, f"Sent to {employee} by {names}.")
