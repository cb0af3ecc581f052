"""Batches of entries, one transaction each: a thread reads ahead, and the garbage collector runs less often."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from apps.contacts.reading import Entry

# A batch ends at this many entries or characters, whichever comes first.
# The characters bound the memory: two batches are held at once, one being read and one being recorded.
MAX_ENTRIES, MAX_CHARS = 5_000, 4_000_000
# Often enough to free the cycles that Django and the readers leave, before they need much memory.
GC_INTERVAL_BATCHES = 20


def batches(entries: Iterator[Entry], skip: int = 0) -> Iterator[list[Entry]]:
    """Yield the entries after the first `skip`, in batches; a thread reads the next batch during the current one.

    The thread reads and normalises; it never queries the database.
    """
    # The iterator is used by one thread only, and a generator may not run in two at once.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading") as reader:
        remaining = islice(entries, skip, None)
        next_batch = reader.submit(_batch, remaining)
        # result() raises the thread's error. Without it, a failed read would look like the end of the file.
        while batch := next_batch.result():
            next_batch = reader.submit(_batch, remaining)
            yield batch


def with_rare_garbage_collection(batches: Iterator[list[Entry]]) -> Iterator[list[Entry]]:
    """Yield the same batches with Python's cyclic garbage collector off.

    With thousands of live entries, the collector takes a third of the time. It runs every GC_INTERVAL_BATCHES batches
    instead.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for number, batch in enumerate(batches, 1):
            yield batch
            if number % GC_INTERVAL_BATCHES == 0:
                gc.collect()
    finally:
        if was_enabled:
            gc.enable()


def _batch(entries: Iterator[Entry]) -> list[Entry]:
    batch: list[Entry] = []
    characters = 0
    for entry in entries:
        batch.append(entry)
        # An empty cell takes memory too.
        characters += sum(map(len, entry.cells)) + len(entry.cells)
        if len(batch) == MAX_ENTRIES or characters > MAX_CHARS:
            break
    return batch
