"""Not waiting for half a minute: a file whose worker died is taken up by the sweep when its checkpoint is that old."""

from functools import partial

from apps.contacts.services.submissions import ABANDONED_AFTER
from tests import plugin
from tests.faults.ground import patiently

SECONDS = ABANDONED_AFTER.total_seconds()
OLDER = f"advanced_at = advanced_at - interval '{SECONDS + 1} s'"


def let_files_look_old() -> None:
    """As if half a minute had passed over every file that was handed in and is not done."""
    patiently(
        partial(
            plugin.run_as_owner,
            f"UPDATE contacts_submission SET {OLDER} WHERE state = 'received' AND advanced_at IS NOT NULL",
        )
    )
