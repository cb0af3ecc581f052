import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.backups.management.files import add_file, command_errors, summary, summary_lines
from apps.backups.restore import missing_migrations, restore
from apps.core.management.base import AppCommand
from apps.localstack.commands import run_command


class Command(AppCommand):
    help = (
        "Restores a backup into an empty installation, in one transaction, and compares every digest before it "
        "commits. Refuses an installation that is not empty, and one in use."
    )
    # The target may have no tables, and not yet the key of the backup.
    requires_migrations_checks = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_file(parser, "a file that `backup` has written")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        began = time.monotonic()
        with command_errors("Stopped; nothing was changed."), self.progress_bar("kB") as progress:
            manifest = restore(path, progress=lambda done, total: progress(done // 1000, total // 1000))
        report = {"file": str(path), "same": True, **summary(manifest), "migrated": self._migrate(manifest)}
        report["signing_key"] = manifest["key"]
        report["seconds"] = round(time.monotonic() - began, 1)
        self.print_result(options, report, _sentences(report))

    def _migrate(self, manifest: dict[str, Any]) -> int:
        """Bring an older schema up to the code; returns the number of migrations."""
        missing = missing_migrations(manifest)
        if missing:
            self.stderr.write("Restored, and the digests match. Updating the schema")
            # In a separate process: this process started with the keys of an empty installation.
            if not run_command("migrate", "--skip-checks", "--verbosity", "0", stdout=sys.stderr):
                raise CommandError("All data is restored, but its schema is older: run `manage.py migrate`.")
        return missing


def _sentences(report: dict[str, Any]) -> str:
    lines = [f"Restored the state of {report['made_at']} in {report['seconds']} s:", *summary_lines(report)]
    lines.append("The digests match.")
    if report["results"]:
        lines.append(_results_sentence(report["results"]))
    if report["signing_key"]:
        lines.append(report["signing_key"]["sentence"])
    if report["migrated"]:
        lines.append(f"The schema was updated by {report['migrated']} migrations.")
    return "\n".join(lines)


def _results_sentence(results: list[dict[str, Any]]) -> str:
    forged = [f"{result['campaign']} {result['version']}" for result in results if not result["signed"]]
    if forged:
        return (
            f"The rows of these results do not match their signatures: {', '.join(forged)}. They were changed before "
            "the backup was made. Compare them with the file and the digest that were handed over at that time."
        )
    return f"Every frozen result ({len(results)}) has the same digest as in the backup, and a valid signature."
