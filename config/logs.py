"""How a line of the log looks: without what a database adds to a refusal, which is the whole row with its names."""

from __future__ import annotations

import logging
import re

# From the first such line to the end of that exception: a value may have line breaks of its own.
ADDED = re.compile(
    r"^(?:DETAIL|CONTEXT|QUERY|LINE \d+):.*?(?=\n\n(?:The above exception was|During handling of the above)|\Z)",
    re.MULTILINE | re.DOTALL,
)


class WithoutRows(logging.Formatter):
    """Formats as any other, and leaves out what PostgreSQL says of the row, its place in a COPY or the statement."""

    def format(self, record: logging.LogRecord) -> str:
        return ADDED.sub("(left out: it may say who somebody is)", super().format(record))
