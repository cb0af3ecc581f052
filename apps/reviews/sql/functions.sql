CREATE FUNCTION reviews_guard_review() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'a review can be answered or withdrawn, not deleted' USING ERRCODE = '23H03';
        END IF;
        
        IF NEW.text = '[…]' THEN OLD.text := NEW.text; END IF;
        IF NEW.answer_text = '[…]' AND OLD.answer_text <> '' THEN OLD.answer_text := NEW.answer_text; END IF;

        IF (NEW.id, NEW.campaign_id, NEW.employee_id, NEW.key, NEW.asked_at, NEW.due_at, NEW.text, NEW.counted,
            NEW.target, NEW.exempt)
           IS DISTINCT FROM (OLD.id, OLD.campaign_id, OLD.employee_id, OLD.key, OLD.asked_at, OLD.due_at, OLD.text,
            OLD.counted, OLD.target, OLD.exempt) THEN
            RAISE EXCEPTION 'the question of review % cannot change', OLD.id USING ERRCODE = '23H03';
        END IF;
        -- In a closed review only the state of its notification mail may still change.
        IF OLD.state <> 'open' AND to_jsonb(NEW) - '{claimed_at,notified_at}'::text[]
           IS DISTINCT FROM to_jsonb(OLD) - '{claimed_at,notified_at}'::text[] THEN
            RAISE EXCEPTION 'review % is closed', OLD.id USING ERRCODE = '23H03';
        END IF;
        RETURN NEW;
    END $$;

CREATE FUNCTION reviews_guard_review_contact() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            RAISE EXCEPTION 'the ticked contacts of a review cannot change' USING ERRCODE = '23H03';
        END IF;
        PERFORM 1 FROM reviews_review review
            JOIN contacts_contact contact ON contact.employee_id = review.employee_id
            WHERE review.id = NEW.review_id AND review.employee_id = NEW.employee_id AND contact.id = NEW.contact_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'only the employee''s own contacts can be ticked' USING ERRCODE = '23H03';
        END IF;
        RETURN NEW;
    END $$;
