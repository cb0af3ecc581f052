-- The directory's user that a manager's value names: a SCIM id, a staff number or a user name, in this order. Three
-- look-ups, each by its own index: joined by OR, the planner may scan all users for each level of managers.
CREATE FUNCTION roster_directory_manager(named text) RETURNS uuid
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN named <> '' THEN coalesce(
        (SELECT id FROM roster_directoryuser
         WHERE deleted_at IS NULL
           AND id = CASE WHEN named ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN named::uuid END),
        (SELECT id FROM roster_directoryuser
         WHERE deleted_at IS NULL AND staff_no <> '' AND lower(staff_no) = lower(named)),
        (SELECT id FROM roster_directoryuser WHERE deleted_at IS NULL AND lower(user_name) = lower(named))
    ) END
$$;
