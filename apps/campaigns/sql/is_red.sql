-- The line that decides red: below the target and not exempt. 99 of 100 is red, 100 is not. The generated columns `red`
-- and every statement call it. PostgreSQL inlines it, as long as it has no SET clause and is not
-- STRICT.
CREATE FUNCTION is_red(counted integer, target integer, exempt boolean) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN counted < target AND NOT exempt;
