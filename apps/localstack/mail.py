"""Stores mails in files instead of sending them, for `make run`: one file per mail, readable only by its owner."""

import os

from django.core.mail.backends.filebased import EmailBackend


class FileMailBackend(EmailBackend):
    """Writes into EMAIL_FILE_PATH, whatever the umask: the link in a mail can set a password."""

    def open(self) -> bool:
        if self.stream:
            return False
        # O_NOFOLLOW: the folder belongs to another account than root, which could place a link there.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        # The parent class, the console backend, writes text; this one writes bytes.
        path: str = self._get_filename()  # type: ignore[attr-defined]
        self.stream = os.fdopen(os.open(path, flags, 0o600), "ab")  # type: ignore[assignment]
        return True
