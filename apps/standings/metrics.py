"""What one person adds to the sums of many, as SQL: of each kind some rows (day, low, high, exempt, n).

A report about many people is a sum of such rows, whether they were summed up before or not.
"""

from __future__ import annotations

# Places of the tree that are summed up together: of preorder numbers, those with the same whole part of this. Measured
# for 50,000 and 1,000,000 people: smaller ones are more rows to add up, larger ones more people at the edges of teams.
# Another size needs a migration that makes every roll-up void.
BLOCK = 512
# Blocks that are none: people who stand nowhere in the tree, and the sums by department.
NOWHERE, DEPARTMENTS = -1, -2
# Of figures of no day, and the newest day of whoever has none.
NO_DAY = "date '0001-01-01'"

# `people` is of (employee_id, counted, target, exempt), `days` of (employee_id, day, count): theirs, or those of more.
METRICS = {
    # low: counted, high: target; n: people.
    "verdict": f"""SELECT employee_id, {NO_DAY} AS day, counted AS low, target AS high, exempt, 1 AS n
        FROM {{people}} person""",
    # Of the red: the newest day on which somebody counted; n: people.
    "quiet": f"""SELECT red.employee_id, coalesce(max(days.day), {NO_DAY}) AS day, 0 AS low, 0 AS high, false AS exempt,
            1 AS n
        FROM {{people}} red LEFT JOIN {{days}} days ON days.employee_id = red.employee_id
        WHERE is_red(red.counted, red.target, red.exempt) GROUP BY red.employee_id""",
    # n: contacts that were recorded on the day.
    "counted": """SELECT days.employee_id, days.day, 0 AS low, 0 AS high, false AS exempt, days.count AS n
        FROM {days} days JOIN {people} people ON people.employee_id = days.employee_id""",
    # A day on which somebody reaches another quarter of the target; low: the one left, high: reached; n: people.
    "step": """SELECT employee_id, day, was::int AS low, band::int AS high, exempt, 1 AS n FROM (
            SELECT *, coalesce(lag(band) OVER (PARTITION BY employee_id ORDER BY day), 0) AS was FROM (
                SELECT days.employee_id, days.day, people.exempt, least(
                    sum(days.count) OVER (PARTITION BY days.employee_id ORDER BY days.day) * 4 / people.target, 4
                ) AS band
                FROM {days} days JOIN {people} people ON people.employee_id = days.employee_id) reached) step
        WHERE was <> band""",
}


def figures_sql(kind: str, *, people: str, days: str, sign: str = "") -> str:
    """SELECT of (employee_id, day, low, high, exempt, n): the figures of a kind, each person's for themselves.

    `people` and `days` are names of such relations; with `sign` "-" they are taken away.
    """
    found = METRICS[kind].format(people=people, days=days)
    return f"SELECT employee_id, day, low, high, exempt, {sign}n AS n FROM ({found}) figure"


def all_figures_sql(*, people: str, days: str, sign: str = "") -> str:
    """The same of every kind, with the `kind` first."""
    each = (f"SELECT '{kind}' AS kind, * FROM ({figures_sql(kind, people=people, days=days, sign=sign)}) figure"
            for kind in METRICS)  # fmt: skip
    return " UNION ALL ".join(each)
