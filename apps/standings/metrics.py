"""The figures that one employee adds to a summary, as SQL rows (day, low, high, exempt, n) of each kind.

A report about many employees is a sum of such rows: the summaries store some sums, the query adds the rest.
"""

from __future__ import annotations

# The number of consecutive places of the org tree (preorder numbers) in one block. Measured with 50,000 and 1,000,000
# employees: smaller blocks give more rows to add up, larger blocks more single employees at the edges of teams.
# Another size needs a migration that invalidates every summary.
BLOCK = 512
# Special block numbers: employees without a place in the org tree, and the sums by department.
NOWHERE, DEPARTMENTS = -1, -2
# The day of figures without a day, and the newest day of an employee without a counted contact.
NO_DAY = "date '0001-01-01'"

# `people` has (employee_id, counted, target, exempt); `days` has (employee_id, day, count) of at least these employees.
METRICS = {
    # low: counted, high: target; n: people.
    "verdict": f"""SELECT employee_id, {NO_DAY} AS day, counted AS low, target AS high, exempt, 1 AS n
        FROM {{people}} person""",
    # Red employees by the newest day with a counted contact; n: people.
    "quiet": f"""SELECT red.employee_id, coalesce(max(days.day), {NO_DAY}) AS day, 0 AS low, 0 AS high, false AS exempt,
            1 AS n
        FROM {{people}} red LEFT JOIN {{days}} days ON days.employee_id = red.employee_id
        WHERE is_red(red.counted, red.target, red.exempt) GROUP BY red.employee_id""",
    # n: counted contacts that were recorded on the day.
    "counted": """SELECT days.employee_id, days.day, 0 AS low, 0 AS high, false AS exempt, days.count AS n
        FROM {days} days JOIN {people} people ON people.employee_id = days.employee_id""",
    # The days on which an employee reaches another quarter of the target; low: the quarter before, high: the quarter
    # reached; n: people.
    "step": """SELECT employee_id, day, was::int AS low, band::int AS high, exempt, 1 AS n FROM (
            SELECT *, coalesce(lag(band) OVER (PARTITION BY employee_id ORDER BY day), 0) AS was FROM (
                SELECT days.employee_id, days.day, people.exempt, least(
                    sum(days.count) OVER (PARTITION BY days.employee_id ORDER BY days.day) * 4 / people.target, 4
                ) AS band
                FROM {days} days JOIN {people} people ON people.employee_id = days.employee_id) reached) step
        WHERE was <> band""",
}


def figures_sql(kind: str, *, people: str, days: str, sign: str = "") -> str:
    """SELECT of (employee_id, day, low, high, exempt, n): the figures of one kind, separately for each employee.

    `people` and `days` name relations as METRICS expects them. `sign` "-" returns negative figures, to subtract them.
    """
    found = METRICS[kind].format(people=people, days=days)
    return f"SELECT employee_id, day, low, high, exempt, {sign}n AS n FROM ({found}) figure"


def all_figures_sql(*, people: str, days: str, sign: str = "") -> str:
    """The figures of every kind as figures_sql returns them, with the column `kind` first."""
    each = (f"SELECT '{kind}' AS kind, * FROM ({figures_sql(kind, people=people, days=days, sign=sign)}) figure"
            for kind in METRICS)  # fmt: skip
    return " UNION ALL ".join(each)
