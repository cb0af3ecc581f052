"""Whoever gives or takes a second factor by any statement leaves a note; using one changes nothing of what is shown."""

from django.db import migrations

from apps.ledger.guards import guard, unguard

LOGIN = "(SELECT account.login FROM employees_account account WHERE account.id = one.user_id)"
SHOWN = """jsonb_build_object('type', one.type,
    'secret_mark', left(md5(coalesce(one.data ->> 'secret', one.data ->> 'seed', '')), 6))"""


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0011_tokens"),
        ("ledger", "0005_changes_of_rows"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [
        migrations.RunSQL(guard("mfa_authenticator", key=LOGIN, shown=SHOWN), unguard("mfa_authenticator")),
    ]
