CREATE FUNCTION exports_guard_export() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    bytes text[] := ARRAY['file_id', 'signature_id'];
    making text[] := ARRAY['state', 'attempts', 'made_at', 'rows', 'size', 'sha256', 'error'] || bytes;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an export and its manifest cannot be deleted' USING ERRCODE = '23H03';
    ELSIF to_jsonb(NEW) - making <> to_jsonb(OLD) - making THEN
        RAISE EXCEPTION 'the request of an export cannot change' USING ERRCODE = '23H03';
    ELSIF OLD.state <> 'waiting' AND (to_jsonb(NEW) - bytes <> to_jsonb(OLD) - bytes
            OR (NEW.file_id IS NOT NULL AND NEW.file_id IS DISTINCT FROM OLD.file_id)
            OR (NEW.signature_id IS NOT NULL AND NEW.signature_id IS DISTINCT FROM OLD.signature_id)) THEN
        RAISE EXCEPTION 'a manifest cannot change' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
