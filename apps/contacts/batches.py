"""Batches of entries, one transaction each: a thread reads ahead, and the garbage collector runs less often."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from apps.contacts.reading import Entry

# A batch ends at this many entries or characters, whichever comes first.
BATCH, BATCH_CHARACTERS = 5_000, 4_000_000
COLLECT_EVERY = 20


def batches(entries: Iterator[Entry], skip: int = 0) -> Iterator[list[Entry]]:
    """Yield the entries after the first `skip`, in batches; a thread reads the next batch during the current one.

    The thread reads and normalises; it never queries the database.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading") as reader:
        # result() raises the thread's error. Without it, a failed read would look like the end of the file.
        reader.submit(_skip, entries, skip).result()
        coming = reader.submit(_batch, entries)
        while batch := coming.result():
            coming = reader.submit(_batch, entries)
            yield batch


def without_collector(batches: Iterator[list[Entry]]) -> Iterator[list[Entry]]:
    """Yield the same batches with Python's cyclic garbage collector off.

    With thousands of live entries, the collector takes a third of the time. It runs every COLLECT_EVERY batches
    instead.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        for number, batch in enumerate(batches, 1):
            yield batch
            if number % COLLECT_EVERY == 0:
                gc.collect()
    finally:
        if before:
            gc.enable()


def _skip(entries: Iterator[Entry], count: int) -> None:
    for _passed in zip(range(count), entries, strict=False):
        pass


def _batch(entries: Iterator[Entry]) -> list[Entry]:
    batch: list[Entry] = []
    characters = 0
    for entry in entries:
        batch.append(entry)
        # An empty cell takes memory too.
        characters += sum(map(len, entry.cells)) + len(entry.cells)
        if len(batch) == BATCH or characters > BATCH_CHARACTERS:
            break
    return batch
