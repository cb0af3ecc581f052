"""Starts a program under the system-call filter and the memory rule of a unit file: `confined.py UNIT PROGRAM ...`.

systemd itself runs in no test. The two settings that can break a program are applied here as it applies them.
"""

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM)
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 38, 65, 1
LIBSECCOMP = "libseccomp.so.2"
ANALYZE = "/usr/bin/systemd-analyze"


def values(unit: Path, name: str) -> list[str]:
    """All values of one setting of a unit file, in order."""
    return re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), flags=re.MULTILINE)


def calls_of(name: str) -> Iterator[str]:
    """The system calls of a set such as `@system-service`; sets contain sets."""
    output = subprocess.check_output([ANALYZE, "syscall-filter", "--no-pager", name], text=True)
    for line in output.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            yield from calls_of(word)
        elif word and not word.startswith("#"):
            yield word


def allowed_calls(unit: Path) -> set[str]:
    """The system calls that a unit file leaves: a list of what is allowed, then lists of what is not."""
    allowed: set[str] = set()
    for value in values(unit, "SystemCallFilter"):
        calls = {call for name in value.removeprefix("~").split() for call in calls_of(name)}
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def restrict(unit: Path) -> None:
    """Apply the unit's filter to this process and its children, for good."""
    allowed = allowed_calls(unit)
    libc, library = ctypes.CDLL(None, use_errno=True), ctypes.CDLL(LIBSECCOMP, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    context = library.seccomp_init(REFUSE)
    for name in sorted(allowed):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # not one of this kind of machine otherwise
            library.seccomp_rule_add(context, ALLOW, number, 0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or library.seccomp_load(context):
        raise OSError(ctypes.get_errno(), "the filter was not accepted")
    # Kernels before 6.3 do not know it.
    libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)


if __name__ == "__main__":
    restrict(Path(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606
