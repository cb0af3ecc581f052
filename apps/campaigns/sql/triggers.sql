CREATE TRIGGER campaigns_adjustment_granted_by_another BEFORE INSERT OR DELETE OR UPDATE ON campaigns_adjustment FOR EACH ROW EXECUTE FUNCTION campaigns_guard_adjustment();
CREATE TRIGGER campaigns_campaign_transition BEFORE DELETE OR UPDATE ON campaigns_campaign FOR EACH ROW EXECUTE FUNCTION campaigns_guard_campaign();
CREATE TRIGGER campaigns_request_decided_once BEFORE INSERT OR DELETE OR UPDATE ON campaigns_adjustmentrequest FOR EACH ROW EXECUTE FUNCTION campaigns_guard_request();
CREATE TRIGGER campaigns_rule_versions BEFORE INSERT OR DELETE OR UPDATE ON campaigns_campaignrule FOR EACH ROW EXECUTE FUNCTION campaigns_guard_rule();
