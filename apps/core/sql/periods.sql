-- The two meanings of "in force" for a half-open period [starts_at, ends_at). Every statement calls them. PostgreSQL
-- puts the condition in their place: no SET clause, not STRICT, and a constant or column as `at`. It cannot do so for
-- the volatile clock, so querysets that compare with the clock use the conditions of apps/core/periods.py.

-- The state just before `at`, for everything that is judged or reported as of an instant: a report as of midnight is
-- about the day that ends then, and a result about the last microsecond before the cut-off.
CREATE FUNCTION in_force(starts_at timestamptz, ends_at timestamptz, at timestamptz) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN starts_at < at AND ends_at >= at;

-- The state from `at` on, for what takes effect at `at` itself: today's tree is rebuilt at the very instant at which a
-- placement begins, and an employee may sign in from the first instant of the employment, and not from its end on.
CREATE FUNCTION in_force_from(starts_at timestamptz, ends_at timestamptz, at timestamptz) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN starts_at <= at AND ends_at > at;
