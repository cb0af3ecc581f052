"""`make containers`: builds the image, runs compose.yaml and compose.production.yaml, and tries what a user would.

Needs root on Debian and its packages, which are installed where that is allowed; no registry. The base image comes from
debootstrap, and tests/containers/ has stand-ins for the images of PostgreSQL and Valkey. Everything is in one folder
below /tmp, which is removed at the end.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from scripts.bootstrap import install_with_apt
from tests.containers.engine import Engine
from tests.containers.trials import try_demo, try_image, try_production

PACKAGES = ["buildah", "podman", "runc", "netavark", "aardvark-dns", "debootstrap", "podman-compose", "nftables"]


def missing() -> str:
    """Why this machine cannot run the trial; empty where it can."""
    if os.geteuid() != 0:
        return "The trial needs root: it makes a base image and network namespaces."
    for package in PACKAGES:
        program = {"netavark": "/usr/lib/podman/netavark", "aardvark-dns": "/usr/lib/podman/aardvark-dns"}.get(package)
        found = Path(program).exists() if program else shutil.which({"nftables": "nft"}.get(package, package))
        if not found and not install_with_apt(package):
            return f"{package} is not installed, and cannot be installed from here."
    return ""


def main() -> int:
    if reason := missing():
        print(reason)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="hundred-containers-", dir="/tmp"))  # a short path for sockets
    engine = Engine(folder)
    try:
        engine.make_images()
        for trial in (try_image, try_demo, try_production):
            print(f"{trial.__name__}: {trial(engine)}", flush=True)
    finally:
        engine.remove_everything()
    print("3 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
