"""Each preview is created once, one at a time per person, and deleted with its file: no person blocks another."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from apps.core import previews
from apps.core.clock import db_now
from apps.core.files import delete_files, store_file
from apps.core.locks import advisory_lock
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import (
    LARGE_BYTES,
    LARGE_FILE_LOCK,
    MAX_ATTEMPTS,
    PreviewResult,
    abandoned_previews,
    build_preview,
    has_earlier_large_preview,
    next_large_previews,
    request_preview,
)
from tests import worst
from tests.crowd import Gate, meanwhile
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "test/kind"
Maker = Callable[[StoredFile, dict[str, Any]], PreviewResult]


def sent(owner: int = 1, size: int = 3, **options: Any) -> StoredFile:
    stored = store_file(
        name="a.csv", content=[b"x" * size], content_type=KIND, expires_at=db_now() + timedelta(days=1), owner_id=owner
    )
    request_preview(stored, options)
    return stored


class Reading:
    """A reader that records which files it has read."""

    def __init__(self, work: Callable[[], Any] = lambda: None) -> None:
        self.read: list[Any] = []
        self._work = work

    def __call__(self, stored: StoredFile, options: dict[str, Any]) -> PreviewResult:
        self.read.append(stored.pk)
        self._work()
        return PreviewResult({"said": options.get("said", ""), "nul": "a\0b"}, b"rest")


def test_repeated_tasks_read_a_file_once() -> None:
    stored, reading = sent(said="x"), Reading()
    for _time in range(3):
        build_preview(stored.pk, {KIND: reading})
    ask = FilePreview.objects.get(pk=stored.pk)
    assert reading.read == [stored.pk]
    assert (ask.state, ask.report["said"], bytes(ask.attachment), ask.version) == ("made", "x", b"rest", 1)
    assert ask.report["nul"] == "a\ufffdb", "a database holds no NUL"


def test_an_identical_request_for_a_waiting_preview_changes_nothing() -> None:
    stored = sent(said="x")
    assert request_preview(stored, {"said": "x"}).version == 1
    assert request_preview(stored, {"said": "y"}).version == 2


def test_a_file_that_was_read_is_not_read_again_in_the_same_words() -> None:
    stored, reading = sent(said="x"), Reading()
    build_preview(stored.pk, {KIND: reading})
    assert request_preview(stored, {"said": "x"}).state == "made"
    build_preview(stored.pk, {KIND: reading})
    assert reading.read == [stored.pk]
    assert request_preview(stored, {"said": "x"}, again=True).state == "waiting"
    assert request_preview(stored, {"said": "y"}).version == 3


def test_the_files_of_one_person_are_read_one_after_another() -> None:
    first, second, gate = sent(), sent(), Gate()
    slow, quick = Reading(gate.before(lambda: None)), Reading()
    with meanwhile(lambda: build_preview(first.pk, {KIND: slow})) as reading:
        gate.wait()
        colleagues = sent(owner=2)
        for stored in (second, colleagues):
            build_preview(stored.pk, {KIND: quick})
        gate.open()
    assert quick.read == [colleagues.pk], "another person's small file waits"
    assert reading.result() == [second.pk]


def test_only_one_large_file_is_read_at_a_time() -> None:
    first, second, gate = sent(owner=1, size=LARGE_BYTES + 1), sent(owner=2, size=LARGE_BYTES + 1), Gate()
    slow, quick = Reading(gate.before(lambda: None)), Reading()
    with meanwhile(lambda: build_preview(first.pk, {KIND: slow})) as reading:
        gate.wait()
        build_preview(second.pk, {KIND: quick})
        gate.open()
    assert quick.read == []
    assert reading.result() == [second.pk]


@pytest.mark.parametrize("rows", [1, 300_000])
def test_a_small_workbook_that_unpacks_to_much_is_a_large_file(rows: int) -> None:
    """Otherwise two accounts keep both workers busy, and no other file is read and no mail sent."""
    workbook = worst.workbook("<row><c/><c/></row>" * rows)
    assert len(workbook) < LARGE_BYTES
    stored = store_file(
        name="a.xlsx", content=[workbook], content_type=KIND, expires_at=db_now() + timedelta(days=1), owner_id=1
    )
    request_preview(stored, {})
    reading = Reading()
    with advisory_lock(LARGE_FILE_LOCK), meanwhile(lambda: build_preview(stored.pk, {KIND: reading})):
        pass
    assert bool(reading.read) == (rows == 1)


LARGE = LARGE_BYTES + 1


def read_all(reading: Maker, *tasks: StoredFile) -> None:
    """As one worker does: each task, and behind them what they ask for."""
    waiting = [stored.pk for stored in tasks]
    while waiting:
        waiting += build_preview(waiting.pop(0), {KIND: reading})


def test_owners_of_large_files_take_turns() -> None:
    """One employee's five files, sent first, kept another's from being read for three minutes."""
    first, second, third = (sent(owner=1, size=LARGE) for _file in range(3))
    other = sent(owner=2, size=LARGE)
    last = sent(owner=3, size=LARGE)
    reading = Reading()
    read_all(reading, first, second, third, other, last)
    assert reading.read == [first.pk, other.pk, last.pk, second.pk, third.pk]


def test_a_file_that_is_read_another_way_again_and_again_takes_nobodys_turn() -> None:
    hers, his = sent(owner=1, size=LARGE), sent(owner=2, size=LARGE)
    reading = Reading()
    build_preview(hers.pk, {KIND: reading})
    for word in ("a", "b", "c"):
        request_preview(hers, {"said": word})
        assert build_preview(hers.pk, {KIND: reading}) == [his.pk], "the worker reads his file, and not hers"
    assert reading.read == [hers.pk]
    assert build_preview(his.pk, {KIND: reading}) == [hers.pk]
    assert next_large_previews() == [hers.pk]


@pytest.mark.parametrize("deleted", [False, True])
def test_a_request_or_deletion_during_the_reading_wins_no_other_turn(deleted: bool) -> None:
    """One employee kept every colleague's large file, and HR's large rosters, waiting without end."""
    earlier = sent(owner=2, size=LARGE)
    read_all(Reading(), earlier)
    first, colleague = sent(owner=1, size=LARGE), sent(owner=2, size=LARGE)

    def ask_again() -> None:
        if deleted:
            delete_files(StoredFile.objects.filter(pk=first.pk))
            sent(owner=1, size=LARGE)
        else:
            request_preview(first, {"said": "again"})

    assert build_preview(first.pk, {KIND: Reading(ask_again)})[0] == colleague.pk
    assert next_large_previews() == [colleague.pk]
    assert not has_earlier_large_preview(2), "HR's large rosters wait for no later file of the same employee"


def test_the_turn_passes_over_an_owner_of_whom_another_file_is_being_read() -> None:
    """That worker asks for the owner's next file; meanwhile the others go on."""
    busy, small, other = sent(owner=1, size=LARGE), sent(owner=1), sent(owner=2, size=LARGE)
    gate, quick = Gate(), Reading()
    with meanwhile(lambda: build_preview(small.pk, {KIND: Reading(gate.before(lambda: None))})) as reading:
        gate.wait()
        build_preview(other.pk, {KIND: quick})
        gate.open()
    assert quick.read == [other.pk]
    assert reading.result() == [busy.pk]


def test_no_large_file_is_read_while_another_is_being_recorded() -> None:
    """Otherwise two files of one person occupy both workers, and no employee is evaluated meanwhile."""
    preview, quick = sent(size=LARGE_BYTES + 1), Reading()
    with advisory_lock(LARGE_FILE_LOCK) as acquired:
        assert acquired
        with meanwhile(lambda: build_preview(preview.pk, {KIND: quick})) as reading:
            assert reading.result() == []
    assert quick.read == []
    assert next_large_previews() == [preview.pk]


def test_mutant_without_the_lock_one_person_blocks_every_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "advisory_lock", lambda name: nullcontext(True))
    with pytest.raises(AssertionError):
        test_the_files_of_one_person_are_read_one_after_another()


def test_a_file_that_kills_its_worker_is_finally_refused() -> None:
    stored = sent()

    def dies() -> None:
        raise MemoryError

    for _time in range(MAX_ATTEMPTS):
        with pytest.raises(MemoryError):
            build_preview(stored.pk, {KIND: Reading(dies)})
    build_preview(stored.pk, {KIND: Reading(dies)})
    ask = FilePreview.objects.get(pk=stored.pk)
    assert (ask.state, ask.report) == ("made", {"problem": "gave_up"})


def test_the_sweep_finds_the_preview_of_a_dead_worker(clock: Clock) -> None:
    stored = sent()
    now = FilePreview.objects.get(pk=stored.pk).advanced_at
    assert abandoned_previews(now + timedelta(seconds=29)) == []
    assert abandoned_previews(now + timedelta(seconds=31)) == [stored.pk]


def test_a_changed_request_during_the_preview_gets_its_own_result() -> None:
    stored = sent(said="x")
    build_preview(stored.pk, {KIND: Reading(lambda: request_preview(stored, {"said": "y"}))})
    ask = FilePreview.objects.get(pk=stored.pk)
    assert (ask.state, ask.report) == ("waiting", {})
    build_preview(stored.pk, {KIND: Reading()})
    assert FilePreview.objects.get(pk=stored.pk).report["said"] == "y"


def test_no_preview_of_a_deleted_file_is_stored() -> None:
    """If a person is erased during the preview, the preview must not bring the data back."""
    stored = sent()
    build_preview(stored.pk, {KIND: Reading(lambda: delete_files(StoredFile.objects.filter(pk=stored.pk)))})
    assert not FilePreview.objects.exists()
