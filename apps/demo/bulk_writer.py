"""Writes the contacts of a plan in chunks, each in its own transaction, over one or more connections."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Lock

from django.db import connection, transaction

from apps.core.jobs import claim_job
from apps.core.locks import disable_statement_timeout, lock_facts
from apps.demo.plan import Plan
from apps.demo.store import ContactWriter
from apps.employees.models import Employee

JOB = "demo_contacts"
# Below this number of contacts a second connection does not help.
ALONE = 300_000
MAX_WORKERS = 4

# progress(done, total)
Progress = Callable[[int, int], None]


class Stopped(Exception):
    """Another connection failed, or the user pressed Ctrl-C."""


class Filling:
    """Writes the contacts of a plan; it skips chunks that an earlier run has written."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self.plan, self.progress, self.lock, self.stop = plan, progress, Lock(), Event()
        self.company = plan.company()
        self.recorder = plan.recorder(self.company)
        self.ids = dict(Employee.objects.values_list("staff_no", "pk"))
        self.total, self.done = sum(self.recorder.counts), 0

    def run(self, workers: int | None = None) -> int:
        """Write the missing chunks; returns the number of contacts in the plan. One worker uses the caller's
        connection.
        """
        if workers is None:
            workers = 1 if self.total <= ALONE else min(os.cpu_count() or 1, MAX_WORKERS)
        self._advance(0)
        if workers == 1:
            for places in self.plan.chunks():
                self._write(places)
        else:
            self._write_side_by_side(workers)
        return self.total

    def _write_side_by_side(self, workers: int) -> None:
        """Write every chunk over `workers` connections; the first failure ends all."""

        def on_own_connection(places: range) -> None:
            try:
                self._write(places)
            finally:
                connection.close()

        with ThreadPoolExecutor(workers) as pool:
            try:
                for done in as_completed([pool.submit(on_own_connection, places) for places in self.plan.chunks()]):
                    done.result()
            except BaseException:
                # A connection in the middle of a chunk rolls back at once.
                self.stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _write(self, places: range) -> None:
        with transaction.atomic():
            disable_statement_timeout()
            lock_facts()
            if not claim_job(JOB, str(places.start)):
                self._advance(sum(self.recorder.counts[place] for place in places))
                return
            with ContactWriter() as writer:
                for batch in self.plan.batches(places):
                    if self.stop.is_set():
                        raise Stopped
                    drafts = [(self._id(place), self.recorder.contacts_of(place)) for place in batch]
                    self._advance(writer.write(drafts))

    def _id(self, place: int) -> int:
        return self.ids[self.company.people[place].staff_no]

    def _advance(self, count: int) -> None:
        with self.lock:
            self.done += count
            self.progress(self.done, self.total)
