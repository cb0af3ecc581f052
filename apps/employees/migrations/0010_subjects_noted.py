"""Whoever ties an account to somebody at the provider, by any statement, leaves a note: it opens the account."""

from django.db import migrations

from apps.ledger.guards import guard, unguard

LOGIN = "(SELECT account.login FROM employees_account account WHERE account.id = one.account_id)"
# A mark of the subject: which it was is nobody's business who reads the trail.
SHOWN = "jsonb_build_object('issuer', one.issuer, 'subject_mark', left(md5(one.subject), 6))"


class Migration(migrations.Migration):
    dependencies = [("employees", "0009_provider_subjects"), ("ledger", "0005_changes_of_rows")]

    operations = [
        migrations.RunSQL(
            guard("employees_providersubject", key=LOGIN, shown=SHOWN),
            unguard("employees_providersubject"),
        )
    ]
