CREATE TRIGGER reviews_review_closes_once BEFORE DELETE OR UPDATE ON reviews_review FOR EACH ROW EXECUTE FUNCTION reviews_guard_review();
CREATE TRIGGER reviews_reviewcontact_own BEFORE INSERT OR DELETE OR UPDATE ON reviews_reviewcontact FOR EACH ROW EXECUTE FUNCTION reviews_guard_review_contact();
