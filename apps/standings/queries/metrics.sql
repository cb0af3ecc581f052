-- The figures of employees by kind: rows (employee_id, day, low, high, exempt, n). {people} has (employee_id, counted,
-- target, exempt); {days} has (employee_id, day, count) of at least these employees. 0001-01-01 stands for no day.

-- name: verdict
-- low: counted, high: target; n: people.
SELECT employee_id, date '0001-01-01' AS day, counted AS low, target AS high, exempt, 1 AS n
FROM {people} people

-- name: quiet
-- Red employees by the newest day with a counted contact; n: people.
-- A date and not NULL: the unique constraint of the sums treats two NULLs as different.
SELECT people.employee_id, coalesce(max(days.day), date '0001-01-01') AS day, 0 AS low, 0 AS high, false AS exempt,
    1 AS n
FROM {people} people
LEFT JOIN {days} days ON days.employee_id = people.employee_id
WHERE is_red(people.counted, people.target, people.exempt)
GROUP BY people.employee_id

-- name: counted
-- n: counted contacts that were recorded on the day.
SELECT days.employee_id, days.day, 0 AS low, 0 AS high, false AS exempt, days.count AS n
FROM {days} days
JOIN {people} people ON people.employee_id = days.employee_id

-- name: step
-- The days on which an employee reaches another quarter of the target; low: the quarter before, high: the quarter
-- reached; n: people.
SELECT employee_id, day, previous_quarter::int AS low, quarter::int AS high, exempt, 1 AS n
FROM (
    SELECT *, coalesce(lag(quarter) OVER (PARTITION BY employee_id ORDER BY day), 0) AS previous_quarter
    FROM (
        SELECT days.employee_id, days.day, people.exempt, least(
            -- Integer division: the quarter is reached, not nearly reached. Contacts above the target form no fifth
            -- quarter.
            sum(days.count) OVER (PARTITION BY days.employee_id ORDER BY days.day) * 4 / people.target, 4) AS quarter
        FROM {days} days
        JOIN {people} people ON people.employee_id = days.employee_id
    ) progress
) step
-- A day can pass several quarters at once; the row then names the first and the last.
WHERE previous_quarter <> quarter

-- name: figures
SELECT employee_id, day, low, high, exempt, {sign}n AS n FROM ({figures}) figure
