"""The Celery app and the whole beat schedule.

The broker is a doorbell: work stands in the database, so nothing here keeps a result or a truth.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# A marking or a recount of everybody may take longer than a page; the task's own time limit bounds it.
os.environ.setdefault("STATEMENT_TIMEOUT", "600000")

from django.conf import settings

app = Celery("hundred")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Beat only says "look for due work": a job is done once per period by a unique row, however often it is asked for.
app.conf.beat_schedule = {
    "sweep": {
        "task": "apps.quotas.tasks.sweep",
        "schedule": settings.SWEEP_INTERVAL,
        "options": {"expires": max(settings.SWEEP_INTERVAL, 1)},
    },
    "day-change": {"task": "apps.quotas.tasks.day_change", "schedule": 60.0, "options": {"expires": 60}},
    "nightly-recount": {"task": "apps.quotas.tasks.nightly_recount", "schedule": 600.0, "options": {"expires": 600}},
}
