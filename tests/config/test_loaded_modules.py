"""What a process of the house loads when it starts: every megabyte is there as often as there are processes.

When one of these fails, web, worker and beat start later and take more memory for something that few requests use.
"""

import os
import subprocess
import sys

import pytest

from apps.localstack.paths import BASE_DIR

# What only some uploads, exports and commands need.
HEAVY = ("plotly", "openpyxl", "xlsxwriter", "defusedxml", "numpy", "pandas", "PIL", "tqdm")
SERVING = ("apps.localstack.local_stack", "apps.localstack.postgres_supervisor", "apps.localstack.embedded", "gunicorn")
STARTS = {
    "web": "import config.wsgi; from django.urls import reverse; reverse('me')",
    "worker": "import django; django.setup(); from config.celery import app; app.loader.import_default_modules()",
    "beat": "import django; django.setup(); import celery.beat; from config.celery import app; app.conf.beat_schedule",
}


def loaded(start: str) -> set[str]:
    told = {"HUNDRED_LOCAL": "1", "HUNDRED_ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "config.settings"}
    script = f"{start}\nimport sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=BASE_DIR, env=os.environ | told, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("process", STARTS)
def test_what_few_requests_use_is_loaded_by_them_alone(process: str) -> None:
    modules = loaded(STARTS[process])
    assert "apps.standings.models.standing" in modules, "it has started"
    assert not modules & {*HEAVY, *SERVING}


def test_whoever_writes_a_workbook_has_what_writes_it() -> None:
    """The name in the list above is the one that is loaded."""
    script = (
        "import django; django.setup(); import io, datetime; from apps.exports.workbook import write_workbook;"
        "write_workbook(io.BytesIO(b'a\\r\\n'), {}, io.BytesIO(), datetime.datetime.now(datetime.UTC))"
    )
    assert "xlsxwriter" in loaded(script)
