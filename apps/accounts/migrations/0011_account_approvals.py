"""Roles, second factors of role holders and bindings to the provider change only with a second person (ADR 86)."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
DROP = "DROP FUNCTION accounts_require_role(bigint, text[]);"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_token_scope_roster")]

    operations = [
        migrations.AlterField(
            model_name="approvalrequest",
            name="kind",
            field=models.TextField(
                choices=[
                    ("email_change", "new e-mail addresses"),
                    ("roster_load", "a roster load"),
                    ("roster_undo", "undoing a roster load"),
                    ("rule_change", "a change of a campaign's rule"),
                    ("campaign_opening", "opening a campaign"),
                    ("campaign_cancellation", "cancelling a campaign"),
                    ("campaign_closing", "closing a campaign"),
                    ("erasure", "an erasure"),
                    ("role_grant", "granting a role"),
                    ("factor_reset", "removing second factors"),
                    ("sign_on_unbinding", "unlinking an account from the provider"),
                ]
            ),
        ),
        migrations.RunSQL(
            (SQL / "account_approvals.sql").read_text(encoding="utf-8"),
            (SQL / "superseded_requests.sql").read_text(encoding="utf-8") + DROP,
        ),
    ]
