"""Tasks that workers run: a failure of one step must not keep the others from their turn."""

import pytest
from django.db import OperationalError

from apps.core.models import StoredFile
from apps.operations import tasks
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db


def test_a_day_that_cannot_change_the_org_tree_still_deletes_what_has_expired(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise expired files stay while a long roster preview holds the org tree."""

    def wait_too_long() -> int:
        raise OperationalError("canceling statement due to lock timeout")

    stored = StoredFile.objects.create(
        name="old.csv",
        content_type="x",
        size=0,
        sha256=b"",
        expires_at="2020-01-01T00:00:00Z",
    )
    monkeypatch.setattr(tasks.effective_dates, "process_effective_dates", wait_too_long)
    with pytest.raises(OperationalError):
        tasks.day_change()
    assert not StoredFile.objects.filter(pk=stored.pk).exists()
