"""The folder in which the processes of one gunicorn share their counts (ADR 88). gunicorn.conf.py prepares it."""

import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings

# prometheus_client reads it when it is imported.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def is_enabled() -> bool:
    return bool(settings.METRICS_TOKEN or settings.METRICS_PORT)


def prepare_folder() -> None:
    """Create an empty folder for this gunicorn, unless it has one. Call it before any worker process starts.

    Always a new folder: files of an earlier run would be counted again. A reload keeps the folder of its process.
    """
    prefix = f"hundred-metrics-{os.getpid()}-"
    if not is_enabled():
        os.environ.pop(FOLDER_VARIABLE, None)
    elif not Path(os.environ.get(FOLDER_VARIABLE, "")).name.startswith(prefix):
        os.environ[FOLDER_VARIABLE] = tempfile.mkdtemp(prefix=prefix)


def remove_folder() -> None:
    """Remove the folder when gunicorn ends."""
    if folder := os.environ.pop(FOLDER_VARIABLE, ""):
        shutil.rmtree(folder, ignore_errors=True)
