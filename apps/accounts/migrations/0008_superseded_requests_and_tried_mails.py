"""Whose change superseded a request: a free repetition needs another account's, or one account probes without a limit.

And when the mail about a new address was tried last: refused addresses keep back no other mail.
"""

import re
from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"


def earlier_function() -> str:
    functions = (SQL / "functions.sql").read_text(encoding="utf-8")
    [function] = re.findall(r"CREATE FUNCTION (accounts_guard_approval\(\).*?\nEND \$\$;)", functions, re.DOTALL)
    return f"CREATE OR REPLACE FUNCTION {function}"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_account_language")]

    operations = [
        migrations.AddField(
            model_name="approvalrequest",
            name="superseded_by_id",
            field=models.BigIntegerField(help_text="account whose change superseded it", null=True),
        ),
        migrations.AddField(
            model_name="emailchange",
            name="mail_tried_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("superseded_by_id__isnull", True), ("decision", "superseded"), _connector="OR"),
                name="accounts_approval_superseded_by",
            ),
        ),
        migrations.RunSQL((SQL / "superseded_requests.sql").read_text(encoding="utf-8"), earlier_function()),
    ]
