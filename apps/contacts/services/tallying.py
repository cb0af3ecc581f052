"""The tally of contacts by time and way in: triggers append to it, and this makes one row of many."""

from django.db import connection

# Exact for whoever reads meanwhile, for it is one statement; of two at once the second finds nothing left to take.
SUM_UP = """
WITH many AS (SELECT quarter, source FROM contacts_contacttally GROUP BY 1, 2 HAVING count(*) > 1),
taken AS (DELETE FROM contacts_contacttally tally USING many
    WHERE tally.quarter = many.quarter AND tally.source = many.source RETURNING tally.quarter, tally.source, tally.n)
INSERT INTO contacts_contacttally (quarter, source, n)
SELECT quarter, source, sum(n) FROM taken GROUP BY 1, 2 HAVING sum(n) <> 0
"""


def sum_up_tally() -> None:
    """Make one row of each quarter of an hour and way in."""
    with connection.cursor() as cursor:
        cursor.execute(SUM_UP)
