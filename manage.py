#!/usr/bin/env python3
"""Runs a management command; without DATABASE_URL it works on the embedded database."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if not os.environ.get("DATABASE_URL"):
        os.environ.setdefault("HUNDRED_LOCAL", "1")
    # Commands may load millions of rows in one statement; the limit is for pages.
    os.environ.setdefault("STATEMENT_TIMEOUT", "0")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
