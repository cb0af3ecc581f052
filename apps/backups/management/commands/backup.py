import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.backups.create import create_backup
from apps.backups.management.files import add_file, command_errors, summary, summary_lines
from apps.core.management.base import AppCommand


class Command(AppCommand):
    help = "Writes all data of this installation to one file for `restore`. Users can continue to work."
    # It reads the schema as it is, so that a backup can precede an update.
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_file(parser, "the file to write; it replaces an older backup")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        began = time.monotonic()
        with command_errors(f"Stopped; {path} is unchanged."), self.progress_bar("kB") as progress:
            manifest = create_backup(path, progress=lambda done: progress(done // 1000))
        report = {"file": str(path), "bytes": path.stat().st_size, **summary(manifest)}
        report["seconds"] = round(time.monotonic() - began, 1)
        self.print_result(options, report, _sentences(report))


def _sentences(report: dict[str, Any]) -> str:
    size = f"{report['bytes'] / 1e6:.1f} MB, {report['seconds']} s"
    if report["secrets"]:
        keys = "It holds this installation's keys too: the file gives access to all data. Store it accordingly."
    else:
        keys = "IDENTITY_KEY and the other secrets of .env are not in it. Without that key it cannot be restored."
    return "\n".join([f"Backed up to {report['file']} ({size}):", *summary_lines(report), keys])
