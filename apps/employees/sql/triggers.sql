CREATE TRIGGER employees_employment_overlap_insert AFTER INSERT ON employees_employment REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION employees_refuse_overlap();
CREATE TRIGGER employees_employment_overlap_update AFTER UPDATE ON employees_employment REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION employees_refuse_overlap();
CREATE TRIGGER employees_placement_cycle_insert AFTER INSERT ON employees_placement REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION employees_refuse_cycle();
CREATE TRIGGER employees_placement_cycle_update AFTER UPDATE ON employees_placement REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION employees_refuse_cycle();
CREATE TRIGGER employees_placement_overlap_insert AFTER INSERT ON employees_placement REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION employees_refuse_overlap();
CREATE TRIGGER employees_placement_overlap_update AFTER UPDATE ON employees_placement REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION employees_refuse_overlap();
