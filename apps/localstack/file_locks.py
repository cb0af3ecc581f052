"""A lock on a file, let go by the kernel when its holder ends, however it ends."""

import contextlib
import fcntl
import os
import time
from pathlib import Path


class FileLock:
    """One open lock file. Children that are executed do not inherit it unless it is passed on by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def try_exclusive(self) -> bool:
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        return self._try(fcntl.LOCK_SH)

    def shared(self, *, within: float) -> bool:
        """Wait for a shared hold for so many seconds; False when somebody kept it exclusively all that time."""
        return self._wait(fcntl.LOCK_SH, within)

    def exclusive(self, *, within: float) -> bool:
        """Wait to be alone for so many seconds; False when somebody else held it all that time."""
        return self._wait(fcntl.LOCK_EX, within)

    def release(self) -> None:
        """Let go and close; harmless when done twice."""
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
