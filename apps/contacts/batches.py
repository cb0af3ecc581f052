"""Entries in batches, each to become a transaction: read ahead by a thread, and cheap for Python's memory."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from apps.contacts.reading import Entry

# So many entries, or so many characters of them, whichever comes first.
BATCH, BATCH_CHARACTERS = 5_000, 4_000_000
COLLECT_EVERY = 20


def batches(entries: Iterator[Entry], skip: int = 0) -> Iterator[list[Entry]]:
    """The entries after the first `skip`, in batches; while one is dealt with, a thread reads the next.

    The thread reads and normalises, and never asks the database.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading") as reader:
        # Asked for its end: a reading that broke off here would look like a file that is over.
        reader.submit(_skip, entries, skip).result()
        coming = reader.submit(_batch, entries)
        while batch := coming.result():
            coming = reader.submit(_batch, entries)
            yield batch


def without_collector(batches: Iterator[list[Entry]]) -> Iterator[list[Entry]]:
    """The same batches, with Python's search for cycles at rest: thousands of live entries make it cost a third of all.

    What little needs it is collected now and then.
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
