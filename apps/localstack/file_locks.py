"""A file lock, which the kernel releases when its process ends in any way."""

import contextlib
import fcntl
import os
import time
from pathlib import Path


class FileLock:
    """One open lock file. Child processes inherit it only when the parent passes its descriptor on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # flock, not lockf: the lock belongs to the open file, so a child that inherits the descriptor holds it as well.
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def shared(self, *, within: float) -> bool:
        """Wait up to `within` seconds for a shared lock; False when another process held it exclusively all that
        time.
        """
        return self._wait(fcntl.LOCK_SH, within)

    def exclusive(self, *, within: float) -> bool:
        """Wait up to `within` seconds for an exclusive lock; False when another process held it all that time."""
        return self._wait(fcntl.LOCK_EX, within)

    # The file stays: unlinking it would let two processes lock two files of one name.
    def release(self) -> None:
        """Release the lock and close the file; a second call does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _try(self, operation: int) -> bool:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self.descriptor, operation | fcntl.LOCK_NB)
            return True
        return False

    def _wait(self, operation: int, within: float) -> bool:
        end = time.monotonic() + within
        while not self._try(operation):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True
