"""N3: a dump of the database before and after reading is the same, but for looks and sessions."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from unittest.mock import patch

from django.db import connection

from apps.core.models import Setting
from apps.dashboard.views.page_context import PageContext

Dump = dict[str, Counter[str]]
# Sessions, and when a token was used last: who reads, not what is read.
LEFT_OUT = {"accounts_session": "NULL", "accounts_apitoken": "to_jsonb(one) - 'last_used_at'"}
# What may be added: entries of the audit trail that say who looked at what or took it away, and the manifests of the
# files that pages send at once, which say the same.
LOOKS = {
    "core_auditentry": (
        r'"action": "(person\.\w+_read|review\.read|export\.sent|export\.downloaded|audit\.exported'
        r'|roster\.difference_taken)"'
    ),
    "exports_export": r'"live": true',
}


def dump() -> Dump:
    """Every row of every table, as JSON, but for what is left out."""
    found: Dump = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            out = StringIO()
            row = LEFT_OUT.get(table, "to_jsonb(one)")
            cursor.copy_expert(f'COPY (SELECT {row} FROM "{table}" one) TO STDOUT WITH (FORMAT csv)', out)
            if row != "NULL":
                found[table] = Counter(out.getvalue().replace('""', '"').splitlines())
    return found


def changes(before: Dump, after: Dump) -> list[str]:
    """What is not the same, a line each: a row that is there no more, or one that is new and no look."""
    told = []
    for table in sorted(before.keys() | after.keys()):
        gone, new = before[table] - after[table], after[table] - before[table]
        look = re.compile(LOOKS.get(table, "(?!)"))
        told += [f"{table}: gone {row[:300]}" for row in gone]
        told += [f"{table}: new {row[:300]}" for row in new if not look.search(row)]
    return told


def changed_by_reading(get: Callable[[str], Any], addresses: Iterable[str]) -> list[str]:
    """What is changed when each address is fetched twice, by address."""
    asked = list(addresses)
    first = dump()
    for address in asked:
        get(address), get(address)
    if not changes(first, dump()):
        return []
    # Which of them it was is asked only now: a dump after every address takes its time.
    told, before = [], dump()
    for address in asked:
        get(address)
        after = dump()
        told += [f"{address}: {one}" for one in changes(before, after)]
        before = after
    return told or [f"by the first look alone: {one}" for one in changes(first, before)]


@contextmanager
def pages_that_write() -> Iterator[None]:
    """The mutant: every page that belongs to somebody counts how often it was read."""
    begin = PageContext.__init__

    def counts(self: PageContext, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        seen, _new = Setting.objects.get_or_create(name="pages_read", defaults={"value": 0})
        Setting.objects.filter(pk=seen.pk).update(value=seen.value + 1)

    with patch.object(PageContext, "__init__", counts):
        yield
