-- A frozen row belongs to one version of a result.
ALTER TABLE results_frozenstanding ADD CONSTRAINT results_frozen_of_result
    FOREIGN KEY (campaign_id, version) REFERENCES results_frozenresult (campaign_id, version)
    DEFERRABLE INITIALLY DEFERRED;
