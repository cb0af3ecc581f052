"""N3: reading changes nothing in the database except access logs and sessions."""

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
# Sessions, and when a token was used last: they describe the reader, not the data.
LEFT_OUT = {"accounts_session": "NULL", "accounts_apitoken": "to_jsonb(one) - 'last_used_at'"}
# Permitted additions: audit entries about reads and downloads, and the manifests of files that pages send directly.
LOOKS = {
    "core_auditentry": (
        r'"action": "(person\.\w+_read|review\.read|export\.sent|export\.downloaded|audit\.exported'
        r'|roster\.difference_taken|roster\.downloaded)"'
    ),
    "exports_export": r'"live": true',
    # A trigger queues each audit entry for the stream; which entries are permitted is said above.
    "core_auditoutbox": r'"sequence": null',
}


def dump() -> Dump:
    """Every row of every table as JSON, without the excluded ones."""
    rows_by_table: Dump = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            out = StringIO()
            row = LEFT_OUT.get(table, "to_jsonb(one)")
            cursor.copy_expert(f'COPY (SELECT {row} FROM "{table}" one) TO STDOUT WITH (FORMAT csv)', out)
            if row != "NULL":
                rows_by_table[table] = Counter(out.getvalue().replace('""', '"').splitlines())
    return rows_by_table


def changes(before: Dump, after: Dump) -> list[str]:
    """The differences, one line each: removed rows, and new rows that are not access logs."""
    messages = []
    for table in sorted(before.keys() | after.keys()):
        removed, added = before[table] - after[table], after[table] - before[table]
        look = re.compile(LOOKS.get(table, "(?!)"))
        messages += [f"{table}: gone {row[:300]}" for row in removed]
        messages += [f"{table}: new {row[:300]}" for row in added if not look.search(row)]
    return messages


def changed_by_reading(get: Callable[[str], Any], addresses: Iterable[str]) -> list[str]:
    """The changes after fetching each address twice, by address."""
    addresses_read = list(addresses)
    first = dump()
    for address in addresses_read:
        get(address), get(address)
    if not changes(first, dump()):
        return []
    # Only on a difference: a dump after every address takes too long.
    messages, before = [], dump()
    for address in addresses_read:
        get(address)
        after = dump()
        messages += [f"{address}: {change}" for change in changes(before, after)]
        before = after
    return messages or [f"by the first read alone: {change}" for change in changes(first, before)]


@contextmanager
def pages_that_write() -> Iterator[None]:
    """The mutant: every personal page counts its reads."""
    begin = PageContext.__init__

    def counts(self: PageContext, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        setting, _new = Setting.objects.get_or_create(name="pages_read", defaults={"value": 0})
        Setting.objects.filter(pk=setting.pk).update(value=setting.value + 1)

    with patch.object(PageContext, "__init__", counts):
        yield
