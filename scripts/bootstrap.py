"""Creates the environment, then runs a module in it: `bootstrap.py [--server | --local | --dev] [MODULE]`.

The environment holds the packages of one lock: exact versions whose hashes are compared, for the Python that is used.
`--server` leaves the embedded PostgreSQL and Valkey out, `--local` is the default of a new environment, and `--dev`
adds what the tests need. Needs only Python 3.11 or later and its standard library; works the same without `make`. An
existing environment is reused: a stamp in `.venv` records the lock it was built from. An older Python can also parse
this file far enough to report what is missing.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST, NEWEST = (3, 11), (3, 13)
# Each holds the packages of those before it.
GROUPS = ("server", "local", "dev")


def say(sentence):
    print(sentence, file=sys.stderr, flush=True)


def fail(sentence):
    say(sentence)
    sys.exit(1)


def works(*command):
    """Whether a command runs and succeeds, silently."""
    try:
        return (
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=str(ROOT)).returncode == 0
        )
    except OSError:
        return False


def version_test():
    return f"import sys; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"


def find_python():
    """A Python that the pinned packages support: this one, or another on the path."""
    names = [sys.executable, "python3.13", "python3.12", "python3.11", "/usr/bin/python3"]
    for name in names:
        found = shutil.which(name)
        if found and works(found, "-c", version_test()):
            return found
    wanted = "Python {}.{} to {}.{}".format(*OLDEST, *NEWEST)
    return fail(
        f"{wanted} is needed; this is {sys.version.split()[0]}. Install one, for example: apt-get install python3"
    )


def install_with_apt(package):
    """Install a Debian package when that is allowed; False when it is not allowed or fails."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    say(f"Installing {package} with apt-get")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
    ):
        if subprocess.run(command, env=environment, stdout=sys.stderr).returncode != 0 and command[1] == "install":
            return False
    return True


def find_uv():
    """The uv command if it exists and runs, else None."""
    for command in (["uv"], [sys.executable, "-m", "uv"]):
        if works(*command, "--version"):
            return command
    return None


def make_venv(uv):
    """Create an empty environment; returns the uv command to fill it with, or None for its own pip."""
    python = find_python()
    say(f"Making the environment .venv with {python}")
    shutil.rmtree(str(VENV), ignore_errors=True)
    if uv and works(*uv, "venv", "-q", "--python", python, str(VENV)):
        return uv
    if not works(python, "-c", "import ensurepip"):
        version = subprocess.check_output(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], text=True
        ).strip()
        package = f"python{version}-venv"
        if not install_with_apt(package):
            fail(f"Python's venv module is not complete. On Debian and Ubuntu: sudo apt-get install {package}")
    if subprocess.run([python, "-m", "venv", str(VENV)]).returncode != 0:
        fail("The environment could not be created; see the reason above.")
    return None


def install(uv, lock):
    """Fill the environment with the packages of a lock, by uv if possible, which is ten times as fast."""
    say(f"Installing the packages of {lock}, once; this takes a moment")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "-r"]
    if uv is None and works(*pip, str(ROOT / "locks" / "uv.txt")):
        uv = [str(PYTHON), "-m", "uv"]
    # uv uses its own certificates unless an option selects those of this machine, as pip does.
    trusting = dict(os.environ, UV_SYSTEM_CERTS="true", UV_NATIVE_TLS="true")
    if uv:
        by_uv = [*uv, "pip", "install", "-q", "--python", str(PYTHON), "--require-hashes", "-r", str(ROOT / lock)]
        if subprocess.run(by_uv, env=trusting).returncode == 0:
            return
    if not works(str(PYTHON), "-m", "pip", "--version"):
        works(str(PYTHON), "-m", "ensurepip")  # an environment from uv has no pip of its own
    if subprocess.run([*pip, str(ROOT / lock)]).returncode != 0:
        fail("The packages could not be installed; see the reason above.")


def lock_of(group):
    """The lock of a group of packages for the environment's Python."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = subprocess.check_output([str(PYTHON), "-c", code], text=True).strip()
    return f"locks/{group}-{version}.txt"


def group_in_use():
    """The group that the environment was made for, so an update of a server installs no more; else the local one."""
    return next((group for group in reversed(GROUPS) if (VENV / f"stamp-{group}").exists()), "local")


def is_current(group):
    """Whether the environment runs and was built from the lock of this group."""
    stamp = VENV / f"stamp-{group}"
    if not stamp.exists() or not works(str(PYTHON), "-c", version_test()):
        return False
    return stamp.read_text() == digest_of(lock_of(group))


def digest_of(lock):
    return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()


def prepare(group):
    """Bring the environment up to date. Concurrent calls wait for each other. A larger group serves a smaller one."""
    with (ROOT / "requirements.txt").open() as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        if any(is_current(larger) for larger in GROUPS[GROUPS.index(group) :]):
            return
        uv = find_uv()
        if not works(str(PYTHON), "-c", version_test()):
            uv = make_venv(uv)
        install(uv, lock_of(group))
        (VENV / f"stamp-{group}").write_text(digest_of(lock_of(group)))


def main(arguments):
    if sys.version_info < (3, 6):
        fail("Python 3.11 or later is needed.")
    options = [f"--{group}" for group in GROUPS]
    prepare(next((option[2:] for option in options if option in arguments), group_in_use()))
    rest = [argument for argument in arguments if argument not in options]
    if rest:
        os.chdir(str(ROOT))
        os.execv(str(PYTHON), [str(PYTHON), "-m", *rest])  # nosec B606 # without a shell on purpose


if __name__ == "__main__":
    main(sys.argv[1:])
