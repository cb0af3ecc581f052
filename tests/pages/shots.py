"""Every page in every state that looks different: one list for the screenshots and the tests.

An address may hold a name of `states.fill` in braces. `NOBODY_YET` are opened before any campaign exists.
"""

from typing import NamedTuple

from tests.pages import acts
from tests.pages.acts import Act, nothing, sent


class Shot(NamedTuple):
    """One page: its screenshot's name, its reader (of `company`, or anonymous), its address, and the action on it."""

    name: str
    reader: str
    address: str
    act: Act = nothing


CORRECTIONS = "/company/result/corrections/"
NOBODY_YET = [
    Shot("first-me", "none", "/"),
    Shot("first-contacts", "none", "/contacts/"),
    Shot("first-import", "none", "/contacts/import/"),
    Shot("first-team", "five", "/team/L005/"),
    Shot("first-company", "hr", "/company/"),
    Shot("first-campaigns", "hr", "/company/campaigns/"),
    Shot("first-adjustments", "hr", "/company/adjustments/"),
    Shot("first-deputies", "hr", "/company/deputies/"),
    Shot("first-reviews", "hr", "/company/reviews/"),
    Shot("first-roster", "hr", "/company/roster/"),
    Shot("first-approvals", "hr", "/company/approvals/"),
    Shot("first-result", "hr", "/company/result/"),
    Shot("first-exports", "hr", "/exports/"),
]
ANYBODY = [
    Shot("login", "", "/login/"),
    Shot("login-error", "", "/login/", acts.wrong_password),
    Shot("forgotten", "", "/password/forgotten/"),
    Shot("set-password", "", "{link}"),
    Shot("set-password-over", "", "/set-password/x/y/"),
    Shot("api", "", "/api/v1/docs/"),
    Shot("privacy", "", "/privacy/"),
    Shot("looks", "red", "/privacy/looks/"),
    Shot("password", "red", "/password/"),
    Shot("second-factor", "red", "/second-factor/"),
    Shot("second-factor-error", "red", "/second-factor/", sent("form.fields")),
    Shot("second-factor-enrolment", "auditor", "/second-factor/"),
    Shot("second-factor-asked", "", "/login/", acts.factor("asked")),
    Shot("second-factor-have", "guarded", "/second-factor/", acts.factor("with_app_and_passkey")),
    Shot("second-factor-wrong-code", "guarded", "/second-factor/", acts.factor("wrong_code")),
    Shot("second-factor-passkey", "keyed", "/second-factor/", acts.factor("with_passkey")),
    Shot("second-factor-app", "keyed", "/second-factor/app/", acts.factor("with_passkey")),
    Shot("second-factor-stale", "late", "/second-factor/", acts.factor("added_elsewhere")),
    *(Shot(f"refused-{reason}", "", f"/refused/{reason}/") for reason in ("unknown", "away", "unproven")),
    Shot("password-error", "red", "/password/", sent("form.fields")),
    Shot("nobody", "operator", "/"),
    Shot("menus", "red", "/exports/", acts.open_menus),
]
NO = [
    *(Shot(f"no-{status}", "", f"/say/{status}/") for status in (400, 403, 413, 429, 500, 503)),
    Shot("no-413-upload", "red", "/say/413/?upload"),
    Shot("no-404", "red", "/nothing/"),
]
OWN = [
    *(Shot(f"me-{name}", name, "/") for name in ("none", "one", "red", "done", "thousands")),
    Shot("me-error", "red", "/", acts.bad_contact),
    Shot("me-lines", "red", "/", acts.bad_lines),
    Shot("me-added", "adder", "/", acts.good_contact),
    Shot("me-open", "red", "/", acts.open_parts),
    Shot("me-frozen", "red", "/?campaign=m09"),
    Shot("me-corrected", "red", "/?campaign=m09&result=1"),
    Shot("me-adjusted", "asker", "/?campaign=m09"),
    Shot("me-closing", "red", "/?campaign=m10"),
    Shot("me-not-begun", "red", "/?campaign=m12"),
    *(Shot(f"contacts-{name}", name, "/contacts/") for name in ("none", "one", "red", "done", "thousands")),
    Shot("contacts-found", "red", "/contacts/", acts.searched_for("客人")),
    Shot("contacts-none-found", "red", "/contacts/", acts.searched_for("谁也不是")),
    Shot("contacts-search-over", "red", "/contacts/?sought=old"),
    Shot("contacts-ended-row", "adder", "/contacts/", acts.ended_row),
    Shot("contacts-frozen", "red", "/contacts/?campaign=m09"),
    Shot("contacts-uncounted", "red", "/contacts/?reason=ended"),
    *(Shot(f"contact-{name}", "red", f"/contacts/{{{name}}}/")
      for name in ("contact", "colleague", "ended", "corrected")),
    Shot("contact-error", "red", "/contacts/{contact}/", acts.bad_correction),
    Shot("exports", "red", "/exports/"),
    Shot("exports-frozen", "red", "/exports/?campaign=m09"),
]  # fmt: skip
IMPORTS = [
    Shot("import", "importer", "/contacts/import/"),
    Shot("import-error", "importer", "/contacts/import/", sent("form[data-upload]")),
    *(Shot(f"import-{name}", "importer", f"/contacts/import/{{{name}}}/")
      for name in ("upload", "unsure", "nameless", "packed", "blank")),
    Shot("import-waiting", "importer", "/contacts/import/{waiting}/", acts.followed),
    Shot("import-upload-open", "importer", "/contacts/import/{upload}/", acts.open_parts),
    Shot("batch-running", "importer", "/contacts/import/batch/{running}/", acts.followed),
    *(Shot(f"batch-{name}", "importer", f"/contacts/import/batch/{{{name}}}/")
      for name in ("done", "nothing_new", "broken", "closed_out")),
]  # fmt: skip
REVIEWS = [
    Shot("review", "red", "/review/"),
    Shot("review-answered", "one", "/review/"),
    Shot("review-withdrawn", "asker", "/review/"),
    Shot("review-frozen", "red", "/review/?campaign=m09"),
    Shot("review-none", "many", "/review/"),
    Shot("review-ask", "many", "/review/ask/"),
    Shot("review-ask-error", "many", "/review/ask/", sent("main form")),
    Shot("review-choose", "thousands", "/review/ask/", acts.looks_for_contacts),
    Shot("reviews", "hr", "/company/reviews/"),
    Shot("reviews-answered", "hr", "/company/reviews/?state=answered"),
    Shot("reviews-none", "hr", "/company/reviews/?q=谁也不是"),
    Shot("reviews-frozen", "hr", "/company/reviews/?campaign=m09"),
    Shot("company-review", "hr", "/company/reviews/{review}/"),
    Shot("company-review-error", "hr", "/company/reviews/{review}/", sent("#answer form")),
    Shot("company-review-overdue", "hr", "/company/reviews/{overdue}/"),
    Shot("company-review-answered", "hr", "/company/reviews/{answered}/"),
    Shot("company-review-withdrawn", "hr", "/company/reviews/{withdrawn}/"),
]
TEAM = [
    Shot("team-five", "five", "/team/L005/"),
    Shot("team-many", "many", "/team/L500/"),
    Shot("team-open", "many", "/team/L500/", acts.open_parts),
    Shot("team-red", "many", "/team/L500/?status=red"),
    Shot("team-next", "many", "/team/L500/", acts.next_page),
    Shot("team-none-found", "many", "/team/L500/?q=谁也不是"),
    Shot("team-as-of", "five", "/team/L005/?as_of=2026-11-20"),
    Shot("team-frozen", "five", "/team/L005/?campaign=m09"),
    Shot("team-closing", "five", "/team/L005/?campaign=m10"),
    Shot("team-not-begun", "five", "/team/L005/?campaign=m12"),
    *(Shot(f"member-{no.lower()}", "five", f"/team/{no}/") for no in ("E000", "E001", "E099", "E100", "E500")),
    Shot("member-frozen", "five", "/team/E099/?campaign=m09"),
    Shot("deputies", "five", "/deputies/"),
    Shot("settings", "five", "/settings/"),
    Shot("sign-ins", "five", "/sign-ins/"),
    Shot("notifications", "five", "/notifications/"),
    Shot("notifications-none", "auditor", "/notifications/"),
    Shot("notification-settings", "five", "/notifications/settings/"),
    Shot("unsubscribe", "", "/notifications/unsubscribe/{subscription}/"),
    Shot("unsubscribe-done", "", "/notifications/unsubscribe/{subscription}/", sent("main form")),
    Shot("tokens-none", "red", "/tokens/"),
    Shot("tokens-made", "five", "/tokens/", acts.made_token),
    Shot("tokens-error", "red", "/tokens/", sent("#make form")),
    Shot("deputies-error", "five", "/deputies/", sent("#name form")),
    Shot("deputies-none", "many", "/deputies/"),
    Shot("deputies-held", "adder", "/deputies/"),
    Shot("team-deputy", "adder", "/team/L005/"),
    Shot("company-deputies", "hr", "/company/deputies/"),
    Shot("company-notifications", "hr", "/company/notifications/"),
    Shot("erasures", "hr", "/company/erasures/"),
    Shot("retention", "hr", "/company/retention/"),
    Shot("erasures-error", "hr", "/company/erasures/", sent("#ask form")),
    Shot("approval-erasure", "hr", "/company/approvals/{erasure}/"),
    Shot("approval-rule", "second", "/company/approvals/{rule}/"),
    Shot("campaign-domains", "hr", "/company/campaigns/m11/change/", acts.looks_at_other_domains),
    Shot("company-deputies-past", "hr", "/company/deputies/?show=past"),
    Shot("company-deputies-many", "hr", "/company/deputies/many/"),
    Shot("company-deputies-many-error", "hr", "/company/deputies/many/", sent("main form")),
    Shot("company-deputies-error", "hr", "/company/deputies/", sent("#name form")),
]
COMPANY = [
    Shot("company", "hr", "/company/"),
    Shot("company-department", "hr", "/company/?department=销售部"),
    Shot("company-at-zero", "hr", "/company/?status=at_zero"),
    Shot("company-auditor", "auditor", "/company/"),
    Shot("company-auditor-frozen", "auditor", "/company/?campaign=m09"),
    Shot("company-frozen", "hr", "/company/?campaign=m09"),
    Shot("company-closing", "hr", "/company/?campaign=m10"),
    Shot("company-not-begun", "hr", "/company/?campaign=m12"),
    Shot("exports-hr", "hr", "/exports/"),
    Shot("exports-hr-frozen", "hr", "/exports/?campaign=m09"),
    Shot("adjustments", "hr", "/company/adjustments/"),
    Shot("adjustments-all", "hr", "/company/adjustments/?show=all"),
    Shot("adjustments-none", "hr", "/company/adjustments/?q=谁也不是"),
    Shot("adjustment-ask", "hr", "/company/adjustments/ask/"),
    Shot("adjustment-ask-error", "hr", "/company/adjustments/ask/", sent("main form")),
    Shot("adjustments-by-rule", "hr", "/company/adjustments/by-rule/"),
    Shot("adjustments-joiners", "hr", "/company/adjustments/by-rule/", acts.joiners),
    Shot("adjustments-by-file", "hr", "/company/adjustments/by-file/"),
    Shot("adjustments-by-file-error", "hr", "/company/adjustments/by-file/", sent("form[data-upload]")),
    *(Shot(f"adjustments-{name.replace('_', '-')}", "hr", f"/company/adjustments/by-file/{{{name}}}/")
      for name in ("list", "nameless_list", "unsure_list")),
    Shot("adjustments-list-waiting", "hr", "/company/adjustments/by-file/{waiting_list}/", acts.followed),
    Shot("adjustments-list-error", "hr", "/company/adjustments/by-file/{list}/", sent("#ask form")),
    *(Shot(f"adjustment-{name}", "hr", f"/company/adjustments/{{{name}_adjustment}}/")
      for name in ("granted", "refused", "withdrawn", "ending", "end_waiting", "waiting", "many", "file")),
    Shot("adjustment-decide", "second", "/company/adjustments/{waiting_adjustment}/"),
    Shot("adjustment-decide-error", "second", "/company/adjustments/{waiting_adjustment}/", acts.refuses_mutely),
    Shot("adjustment-decide-many", "second", "/company/adjustments/{many_adjustment}/"),
    Shot("adjustment-decide-file", "second", "/company/adjustments/{file_adjustment}/"),
]  # fmt: skip
ROSTER = [
    Shot("approvals", "hr", "/company/approvals/"),
    Shot("approval-own", "hr", "/company/approvals/{approval}/"),
    Shot("approval-decide", "second", "/company/approvals/{approval}/"),
    Shot("approval-decide-error", "second", "/company/approvals/{approval}/", acts.refuses_mutely),
    Shot("approval-addresses", "hr", "/company/approvals/{approval_emails}/"),
    Shot("approval-refused", "hr", "/company/approvals/{approval_refused}/"),
    Shot("roster-requested", "hr", "/company/roster/{roster_requested}/"),
    Shot("roster", "hr", "/company/roster/"),
    Shot("roster-error", "hr", "/company/roster/", sent("form[data-upload]")),
    Shot("roster-looked", "hr", "/company/roster/{roster}/"),
    Shot("roster-looked-open", "hr", "/company/roster/{roster}/", acts.open_parts),
    Shot("roster-running", "hr", "/company/roster/{roster_running}/", acts.followed),
    *(Shot(f"roster-{name}", "hr", f"/company/roster/{{roster_{name}}}/")
      for name in ("done", "circle", "nameless", "unsure")),
]  # fmt: skip
CAMPAIGNS = [
    Shot("campaigns", "hr", "/company/campaigns/"),
    Shot("campaign-new", "hr", "/company/open-campaign/"),
    Shot("campaign-duplicated", "hr", "/company/open-campaign/?like=m09"),
    Shot("campaign-new-error", "hr", "/company/open-campaign/", sent("main form")),
    Shot("campaign-new-look", "hr", "/company/open-campaign/", acts.looks_at_a_campaign),
    *(Shot(f"campaign-{slug}", "hr", f"/company/campaigns/{slug}/") for slug in ("m07", "m08", "m09", "m10", "m12")),
    Shot("campaign-changed", "hr", "/company/campaigns/m11/", acts.open_parts),
    Shot("rule-change", "hr", "/company/campaigns/m11/change/"),
    Shot("rule-change-look", "hr", "/company/campaigns/m11/change/", acts.looks_at_a_change),
    Shot("rule-change-error", "hr", "/company/campaigns/m11/change/", sent("main form")),
]
RESULT = [
    Shot("result", "hr", "/company/result/?campaign=m09"),
    Shot("result-first", "hr", "/company/result/?campaign=m09&result=1"),
    Shot("result-auditor", "auditor", "/company/result/?campaign=m09"),
    Shot("result-waiting", "hr", "/company/result/"),
    Shot("result-closing", "hr", "/company/result/?campaign=m10"),
    Shot("correction-ask", "hr", "/company/result/corrections/ask/?campaign=m09"),
    Shot("correction-ask-error", "hr", "/company/result/corrections/ask/?campaign=m09", sent("main form")),
    Shot("correction-asked", "hr", "/company/result/corrections/{correction}/?campaign=m09"),
    Shot("correction-decide", "second", "/company/result/corrections/{correction}/?campaign=m09"),
    Shot("correction-decide-error", "second", f"{CORRECTIONS}{{correction}}/?campaign=m09", acts.refuses_mutely),
    Shot("correction-granted", "auditor", "/company/result/corrections/{granted_correction}/?campaign=m09"),
    Shot("correction-refused", "hr", "/company/result/corrections/{refused_correction}/?campaign=m09"),
]  # fmt: skip
EXPORTS = [
    Shot("export-choose", "hr", "/exports/new/?campaign=m09"),
    Shot("export-new", "hr", "/exports/new/standings/", acts.open_parts),
    Shot("export-new-team", "five", "/exports/new/standings/?team=L005&status=red"),
    Shot("export-new-error", "five", "/exports/new/standings/?team=E000", sent("main form")),
    Shot("export-new-changes", "hr", "/exports/new/roster_changes/"),
    Shot("export-new-handover", "hr", "/exports/new/handover/?campaign=m09"),
    Shot("export", "hr", "/exports/{export}/"),
    Shot("export-same", "hr", "/exports/{export_same}/"),
    Shot("export-waiting", "hr", "/exports/{export_waiting}/"),
    Shot("export-failed", "hr", "/exports/{export_failed}/"),
    Shot("export-handover", "hr", "/exports/{handover}/?campaign=m09"),
    Shot("audit", "hr", "/company/audit/", acts.open_parts),
    Shot("audit-auditor", "auditor", "/company/audit/?about=adjustment"),
    Shot("audit-none-found", "hr", "/company/audit/?q=谁也不是"),
    Shot("exports-everybodys", "hr", "/exports/?whose=all"),
    Shot("handbook", "hr", "/handbook/"),
    Shot("handbook-glossary", "hr", "/handbook/glossary/"),
]
SHOTS = [*ANYBODY, *NO, *OWN, *IMPORTS, *REVIEWS, *TEAM, *COMPANY, *ROSTER, *CAMPAIGNS, *RESULT, *EXPORTS]
