"""Starts a process of the house as production does, with something broken on purpose: `python -m tests.faults.starter`.

`web ...`, `worker ...` and `beat ...` become gunicorn and Celery; FAULT_BREAK names what of tests.faults.breaks is
applied before they begin. The product itself knows nothing of any of it.
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
