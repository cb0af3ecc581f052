"""Retention that is killed midway: uncommitted changes are rolled back, and the next run continues with the rest."""

import os
import subprocess
import sys

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.localstack.paths import BASE_DIR
from tests import commands, plugin
from tests.fixtures import Clock
from tests.privacy.test_retention import OVER, days, frozen, judged, lengths, named

__all__ = ["days", "frozen"]
pytestmark = pytest.mark.django_db(transaction=True)
# Kills itself as the kernel would, after a step has changed its rows and before its commit.
KILLED = """
import os, signal, sys
from contextlib import nullcontext
import django
django.setup()
from django.core.management import call_command
from apps.privacy import retention_purge
step, number, mutant = sys.argv[1], int(sys.argv[2]), sys.argv[3]
retention_purge.BATCH_ROWS = 2
if mutant:
    retention_purge._batch = lambda found: nullcontext()
real, done = getattr(retention_purge, step), []
def dies(*given):
    real(*given)
    done.append(given)
    if len(done) == number:
        os.kill(os.getpid(), signal.SIGKILL)
setattr(retention_purge, step, dies)
call_command("retention")
"""


def kill(step: str, number: int, mutant: str = "") -> None:
    own = {"DATABASE_URL": plugin.PATHS.database_url("app", plugin.DATABASE)}
    own |= {"DJANGO_SETTINGS_MODULE": "config.settings", "RETENTION_DAYS": "90"}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, step, str(number), mutant], env=os.environ | own, cwd=BASE_DIR,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize(
    ("step", "number", "left", "digests"),
    [("blank_contacts", 1, 5, 6), ("blank_contacts", 2, 3, 6), ("execute", 1, 0, 6)],
    ids=["in the first batch", "in the second batch", "among the digests"],
)
def test_whoever_dies_half_way_has_left_whole_batches_and_is_gone_on_with(
    frozen: Campaign, clock: Clock, step: str, number: int, left: int, digests: int
) -> None:
    look = frozen.rule.cutoff_at
    before = judged(frozen, look)
    clock.set(OVER, ticks=True)
    kill(step, number)
    assert (named(), lengths().count(32)) == (left, digests)
    done = commands.run("retention")
    assert done["contacts"] == left
    assert named() == 0
    assert lengths().count(32) == 1
    assert judged(frozen, look) == before
    assert commands.run("retention")["contacts"] == 0


def test_mutant_without_a_transaction_it_leaves_halves(frozen: Campaign, clock: Clock) -> None:
    clock.set(OVER, ticks=True)
    assert Contact.objects.count() == 5
    kill("blank_contacts", 2, "no transaction")
    assert named() == 1, "else the test above could not see it"
