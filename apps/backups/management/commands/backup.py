from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.backups.create import take
from apps.backups.management.files import add_file, listed, plainly, summary
from apps.core.management.base import AppCommand


class Command(AppCommand):
    help = "Writes everything this installation holds to one file, which `restore` reads. People work on meanwhile."
    # It takes the schema as it finds it, so that it can come before an update.
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_file(parser, "where the backup is to be; an older backup there is replaced")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        began = time.monotonic()
        with plainly(f"Stopped; {path} is what it was."), self.bar("kB") as progress:
            manifest = take(path, progress=lambda done: progress(done // 1000))
        told = {"file": str(path), "bytes": path.stat().st_size, **summary(manifest)}
        told["seconds"] = round(time.monotonic() - began, 1)
        self.tell(options, told, _sentences(told))


def _sentences(told: dict[str, Any]) -> str:
    size = f"{told['bytes'] / 1e6:.1f} MB, {told['seconds']} s"
    if told["secrets"]:
        keys = "It holds this installation's keys too: whoever has the file has everything. Keep it accordingly."
    else:
        keys = "IDENTITY_KEY and the other secrets of .env are not in it. Without that key it cannot be restored."
    return "\n".join([f"Backed up to {told['file']} ({size}):", *listed(told), keys])
