"""The figures that one employee adds to a summary, as SQL rows (day, low, high, exempt, n) of each kind.

For example, an employee with 99 of 100 adds the row low 99, high 100, n 1 of the kind `verdict`. A report about many
employees is a sum of such rows; the summaries store the sums of large teams.
"""

from __future__ import annotations

from psycopg2.sql import SQL

from apps.core.sql import compose, statement

# A new kind needs no migration, but every summary has to be built again (invalidate_summaries).
METRICS = {
    "verdict": statement("standings", "metrics", "verdict"),
    "quiet": statement("standings", "metrics", "quiet"),
    "counted": statement("standings", "metrics", "counted"),
    "step": statement("standings", "metrics", "step"),
}
FIGURES = statement("standings", "metrics", "figures")


def figures_sql(kind: str, *, people: str, days: str, sign: str = "") -> str:
    """SELECT of (employee_id, day, low, high, exempt, n): the figures of one kind, separately for each employee.

    `people` and `days` name relations as METRICS expects them. `sign` "-" returns negative figures, to subtract them.
    """
    figures = compose(METRICS[kind], people=SQL(people), days=SQL(days))
    return compose(FIGURES, sign=SQL(sign), figures=SQL(figures))


def all_figures_sql(*, people: str, days: str, sign: str = "") -> str:
    """The figures of every kind as figures_sql returns them, with the column `kind` first."""
    each = (
        compose(
            "SELECT {kind} AS kind, * FROM ({figures}) figure",
            kind=kind, figures=SQL(figures_sql(kind, people=people, days=days, sign=sign)),
        )
        for kind in METRICS
    )  # fmt: skip
    return " UNION ALL ".join(each)
