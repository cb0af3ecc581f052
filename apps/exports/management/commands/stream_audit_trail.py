from typing import Any

from django.conf import settings

from apps.core.management.base import AppCommand
from apps.exports.audit_stream.streaming import stored_position, stream_audit_trail


class Command(AppCommand):
    help = (
        "Sends the waiting audit entries to AUDIT_STREAM now, as the worker does every 15 seconds, and prints how many."
        " Use it to try a receiver."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        sent = stream_audit_trail()
        position = stored_position()
        result = {"sent": sent, "sequence": position.sequence if position else None}
        where = f"; the last one has the sequence {position.sequence}" if position else ""
        text = f"{sent} entries sent{where}." if position else "AUDIT_STREAM is not set: nothing is sent."
        if settings.AUDIT_STREAM == "stdout":
            # Standard output has the lines of the stream alone.
            self.stderr.write(text)
        else:
            self.print_result(options, result, text)
