"""Mails that are not sent but kept, for `make run`: a file for each, which nobody but its owner reads."""

import os

from django.core.mail.backends.filebased import EmailBackend


class KeptMail(EmailBackend):
    """Writes into EMAIL_FILE_PATH, whatever the umask: who reads a link sets somebody's password."""

    def open(self) -> bool:
        if self.stream is not None:
            return False
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        self.stream = os.fdopen(os.open(self._get_filename(), flags, 0o600), "ab")
        return True
