-- An identity is live exactly as long as its contact: the database copies the state.
ALTER TABLE contacts_contactidentity ADD CONSTRAINT contacts_identity_follows_contact
    FOREIGN KEY (employee_id, contact_id, live) REFERENCES contacts_contact (employee_id, id, live) ON UPDATE CASCADE;

-- Counting reads these tables by index alone, which works on pages that a vacuum has visited.
ALTER TABLE contacts_contact SET (
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02
);
ALTER TABLE contacts_contactidentity SET (
    autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02
);
