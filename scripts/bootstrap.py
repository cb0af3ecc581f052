"""Creates the environment, then runs a module in it: `python3 scripts/bootstrap.py [--dev] [MODULE]`.

Needs only Python 3.11 or later and its standard library; works the same without `make`. An existing environment is
reused: a stamp in `.venv` records the requirements it was built from. An older Python can also parse this file far
enough to report what is missing.
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


def install(uv, requirements):
    """Fill the environment with exactly the pinned packages, by uv if possible, which is ten times as fast."""
    say(f"Installing the packages of {requirements}, once; this takes a moment")
    if uv is None and works(str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv"):
        uv = [str(PYTHON), "-m", "uv"]
    arguments = ["-q", "-r", str(ROOT / requirements), "-c", str(ROOT / "constraints.txt")]
    # uv uses its own certificates unless an option selects those of this machine, as pip does.
    trusting = dict(os.environ, UV_SYSTEM_CERTS="true", UV_NATIVE_TLS="true")
    if (
        uv
        and subprocess.run([*uv, "pip", "install", "--python", str(PYTHON), *arguments], env=trusting).returncode == 0
    ):
        return
    if not works(str(PYTHON), "-m", "pip", "--version"):
        works(str(PYTHON), "-m", "ensurepip")  # an environment from uv has no pip of its own
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    if subprocess.run(pip).returncode != 0:
        fail("The packages could not be installed; see the reason above.")


def wanted_stamp(requirements):
    digest = hashlib.sha256()
    for name in sorted({"requirements.txt", requirements, "constraints.txt"}):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_current(requirements):
    """Whether the environment runs and was built from these requirement files."""
    stamp = VENV / f"stamp-{requirements}"
    return (
        stamp.exists() and stamp.read_text() == wanted_stamp(requirements) and works(str(PYTHON), "-c", version_test())
    )


def prepare(dev):
    """Bring the environment up to date. Concurrent calls wait for each other."""
    wanted = ["requirements-dev.txt"] if dev else ["requirements.txt", "requirements-dev.txt"]
    with (ROOT / "requirements.txt").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if any(is_current(name) for name in wanted):
            return
        uv = find_uv()
        if not works(str(PYTHON), "-c", version_test()):
            uv = make_venv(uv)
        install(uv, wanted[0])
        (VENV / f"stamp-{wanted[0]}").write_text(wanted_stamp(wanted[0]))


def main(arguments):
    if sys.version_info < (3, 6):
        fail("Python 3.11 or later is needed.")
    dev = "--dev" in arguments
    prepare(dev)
    rest = [argument for argument in arguments if argument != "--dev"]
    if rest:
        os.chdir(str(ROOT))
        os.execv(str(PYTHON), [str(PYTHON), "-m", *rest])  # nosec B606 # without a shell on purpose


if __name__ == "__main__":
    main(sys.argv[1:])
