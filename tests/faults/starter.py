"""Starts a process as in production, with an intended break: `python -m tests.faults.starter`.

`web ...`, `worker ...` and `beat ...` become gunicorn and Celery; FAULT_BREAK names the functions of
tests.faults.breaks to apply before. The product itself contains none of this.
"""

import importlib
import os
import sys

import django


def main(kind: str, *arguments: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if kind == "web":
        from gunicorn.app.wsgiapp import run as begin  # type: ignore[import-untyped]

        sys.argv = ["gunicorn", "config.wsgi", *arguments]
    else:
        from celery.__main__ import main as begin

        # Before the settings: a worker's statements may take longer than a page's.
        importlib.import_module("config.celery")
        sys.argv = ["celery", "-A", "config.celery", kind, *arguments]
    django.setup()
    from tests.faults import breaks

    for name in filter(None, os.environ.get("FAULT_BREAK", "").split(",")):
        breaks.BREAKS[name]()
    begin()


if __name__ == "__main__":
    main(*sys.argv[1:])
