-- name: compact
-- One statement, so concurrent readers always see an exact sum. Of two concurrent runs the second finds no rows left.
WITH repeated AS (
    SELECT quarter, source FROM contacts_intakecount GROUP BY 1, 2 HAVING count(*) > 1
), removed AS (
    DELETE FROM contacts_intakecount intake USING repeated
    WHERE intake.quarter = repeated.quarter AND intake.source = repeated.source
    RETURNING intake.quarter, intake.source, intake.n
)
INSERT INTO contacts_intakecount (quarter, source, n)
SELECT quarter, source, sum(n) FROM removed GROUP BY 1, 2 HAVING sum(n) <> 0;

-- name: count_handles
SELECT count(*), count(*) FILTER (WHERE handles_only)
FROM (
    SELECT bool_and(kind = 'handle') AS handles_only FROM contacts_contactidentity WHERE live
    GROUP BY employee_id, contact_id
) contact;
