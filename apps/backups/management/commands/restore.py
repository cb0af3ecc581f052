from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.backups.management.files import add_file, listed, plainly, summary
from apps.backups.restore import missing_migrations, restore
from apps.core.management.base import AppCommand
from apps.localstack.commands import run_command


class Command(AppCommand):
    help = (
        "Restores a backup into an empty installation, in one transaction, and compares every digest before it keeps "
        "anything. Refuses an installation that is not empty, and one that somebody works on."
    )
    # The target may have no tables at all, and not yet the key of the backup.
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_file(parser, "a file that `backup` has written")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        began = time.monotonic()
        with plainly("Stopped; nothing was changed."), self.bar("kB") as progress:
            manifest = restore(path, progress=lambda done, total: progress(done // 1000, total // 1000))
        told = {"file": str(path), "same": True, **summary(manifest), "migrated": self._migrate(manifest)}
        told["signing_key"] = manifest["key"]
        told["seconds"] = round(time.monotonic() - began, 1)
        self.tell(options, told, _sentences(told))

    def _migrate(self, manifest: dict[str, Any]) -> int:
        """Bring a schema of an older version up to the code; returns by how many migrations."""
        missing = missing_migrations(manifest)
        if missing:
            self.stderr.write("Restored, and the digest is the same. Bringing the schema up to date")
            # In a process of its own: this one has begun with the keys of an empty installation.
            if not run_command("migrate", "--skip-checks", "--verbosity", "0", stdout=sys.stderr):
                raise CommandError("Everything is restored, but its schema is an older one: run `manage.py migrate`.")
        return missing


def _sentences(told: dict[str, Any]) -> str:
    lines = [f"Restored the state of {told['made_at']} in {told['seconds']} s:", *listed(told)]
    lines.append("The digest is the same.")
    if told["results"]:
        lines.append(_of_results(told["results"]))
    if told["signing_key"]:
        lines.append(told["signing_key"]["sentence"])
    if told["migrated"]:
        lines.append(f"The schema was brought up to date by {told['migrated']} migrations.")
    return "\n".join(lines)


def _of_results(results: list[dict[str, Any]]) -> str:
    forged = [f"{one['campaign']} {one['version']}" for one in results if not one["signed"]]
    if forged:
        return (
            f"Not what was signed, here as in the backup: {', '.join(forged)}. Somebody changed stored rows before it "
            "was made; compare with the file and the digest that were handed out then."
        )
    return f"Every frozen result ({len(results)}) has the digest of before, and the signature of it verifies."
