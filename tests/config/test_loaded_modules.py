"""The modules that a process loads at its start: every megabyte is needed once per process.

When a test here fails, web, worker and beat start later and use more memory for a rarely used feature.
"""

import os
import subprocess
import sys

import pytest

from apps.localstack.paths import BASE_DIR

# Only some uploads, exports and commands need these.
HEAVY = ("plotly", "openpyxl", "xlsxwriter", "defusedxml", "numpy", "pandas", "PIL", "tqdm", "markdown_it")
SERVING = ("apps.localstack.local_stack", "apps.localstack.postgres_supervisor", "apps.localstack.embedded", "gunicorn")
STARTS = {
    "web": "import config.wsgi; from django.urls import reverse; reverse('me')",
    "worker": "import django; django.setup(); from config.celery import app; app.loader.import_default_modules()",
    "beat": "import django; django.setup(); import celery.beat; from config.celery import app; app.conf.beat_schedule",
}


def loaded(start: str) -> set[str]:
    environment = {"HUNDRED_LOCAL": "1", "HUNDRED_ENV_FILE": "", "DJANGO_SETTINGS_MODULE": "config.settings"}
    script = f"{start}\nimport sys; print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("process", STARTS)
def test_rarely_used_modules_are_loaded_only_on_use(process: str) -> None:
    modules = loaded(STARTS[process])
    assert "apps.standings.models.standing" in modules, "it has started"
    assert not modules & {*HEAVY, *SERVING}


def test_writing_a_workbook_loads_its_library() -> None:
    """The name in the list above is the module that is loaded."""
    script = (
        "import django; django.setup(); import io, datetime; from apps.exports.workbook import write_workbook;"
        "from apps.exports.csv_columns import Table; now = datetime.datetime.now(datetime.UTC);"
        "write_workbook(io.BytesIO(b'a\\r\\n'), Table({}, '', 'UTC'), io.BytesIO(), title='x', created_at=now)"
    )
    assert "xlsxwriter" in loaded(script)


def test_a_web_process_has_loaded_every_page_before_its_first_request() -> None:
    """Otherwise the first user of each process waits for them."""
    script = (
        "import config.wsgi; from django.template import Engine;"
        "cache = Engine.get_default().template_loaders[0].get_template_cache;"
        "import sys; sys.modules |= {f'page:{name}': None for name in cache}"
    )
    pages = {path.relative_to(BASE_DIR / "templates").as_posix() for path in (BASE_DIR / "templates").rglob("*.html")}
    assert {f"page:{page}" for page in pages} <= loaded(script)
