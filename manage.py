#!/usr/bin/env python3
"""Runs a management command; without DATABASE_URL it works on the embedded database, started when it is not running."""

import os
import sys


def main() -> None:
    try:
        from django.core.management import execute_from_command_line

        from apps.localstack import embedded_runtime
    except ImportError as error:
        sys.exit(f"{error}. Run it with .venv/bin/python, which `make run` or `make test` creates.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Commands may load millions of rows in one statement; the limit is for pages.
    os.environ.setdefault("STATEMENT_TIMEOUT", "0")
    with embedded_runtime.embedded_database(sys.argv):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
