"""The types of events that a webhook can announce, by the events that cause them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

# Of each type: the kind of its event (apps.core.events). `queries/webhooks.sql` has the content of its payload.
EVENT_KINDS: dict[str, str] = {
    "campaign.opened": "campaign_opened",
    "campaign.rule_changed": "rule_changed",
    "campaign.closing": "campaign_closing",
    "campaign.frozen": "result_final",
    "result.corrected": "result_corrected",
    "roster.applied": "roster_applied",
    "export.ready": "export_ready",
    "drift.found": "drift_found",
}
# Only on request of the operator, to one endpoint.
TEST_EVENT = "endpoint.test"
LABELS = {
    "campaign.opened": _("A campaign begins"),
    "campaign.rule_changed": _("The rule of a campaign changes"),
    "campaign.closing": _("A campaign closes"),
    "campaign.frozen": _("The result of a campaign is final"),
    "result.corrected": _("A result is corrected"),
    "roster.applied": _("A roster is applied"),
    "export.ready": _("A requested file is ready"),
    "drift.found": _("The nightly recount finds differences"),
    TEST_EVENT: _("Test event"),
}
