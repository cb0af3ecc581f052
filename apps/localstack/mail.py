"""Mails that are not sent but kept, for `make run`: a file for each, which nobody but its owner reads."""

import os

from django.core.mail.backends.filebased import EmailBackend


class KeptMail(EmailBackend):
    """Writes into EMAIL_FILE_PATH, whatever the umask: who reads a link sets somebody's password."""

    def open(self) -> bool:
        if self.stream:
            return False
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        # The console's backend, from which this one comes, writes text; this one writes bytes.
        path: str = self._get_filename()  # type: ignore[attr-defined]
        self.stream = os.fdopen(os.open(path, flags, 0o600), "ab")  # type: ignore[assignment]
        return True
