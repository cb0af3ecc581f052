CREATE TRIGGER exports_export_kept BEFORE DELETE OR UPDATE ON exports_export FOR EACH ROW EXECUTE FUNCTION exports_guard_export();
