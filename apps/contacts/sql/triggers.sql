CREATE TRIGGER contacts_contact_tallied_delete AFTER DELETE ON contacts_contact REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hundred_tally_contacts();
CREATE TRIGGER contacts_contact_tallied_insert AFTER INSERT ON contacts_contact REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hundred_tally_contacts();
CREATE TRIGGER contacts_contact_tallied_truncate AFTER TRUNCATE ON contacts_contact FOR EACH STATEMENT EXECUTE FUNCTION hundred_tally_contacts();
CREATE TRIGGER contacts_contact_tallied_update AFTER UPDATE ON contacts_contact REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hundred_tally_contacts();
CREATE TRIGGER contacts_erasure_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON contacts_erasure FOR EACH STATEMENT EXECUTE FUNCTION hundred_refuse_change();
CREATE TRIGGER contacts_erasure_not_approved AFTER UPDATE OF decision ON accounts_approvalrequest FOR EACH ROW WHEN (((new.kind = 'erasure'::text) AND (new.decision <> 'approved'::text))) EXECUTE FUNCTION contacts_forget_erasure_subject();
CREATE TRIGGER contacts_suppressedidentity_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON contacts_suppressedidentity FOR EACH STATEMENT EXECUTE FUNCTION hundred_refuse_change();
