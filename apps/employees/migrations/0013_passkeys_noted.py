"""A passkey that is exchanged by a statement is told too; its counter, which goes on with each use, is not shown."""

from django.db import migrations

from apps.ledger.guards import guard, unguard

LOGIN = "(SELECT account.login FROM employees_account account WHERE account.id = one.user_id)"
CODE = "one.data ->> 'secret', one.data ->> 'seed'"
PASSKEY = "(one.data - 'counter' - 'name')::text"
SHOWN = """jsonb_build_object('type', one.type, 'secret_mark', left(md5(coalesce({})), 6))"""
BEFORE = guard("mfa_authenticator", key=LOGIN, shown=SHOWN.format(f"{CODE}, ''"))
# An app's and paper's data change with use in other places than these; a passkey's only in its counter.
AFTER = guard(
    "mfa_authenticator", key=LOGIN,
    shown=SHOWN.format(f"{CODE}, CASE one.type WHEN 'webauthn' THEN {PASSKEY} END, ''"),
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("employees", "0012_factors_noted")]

    operations = [
        migrations.RunSQL([unguard("mfa_authenticator"), AFTER], [unguard("mfa_authenticator"), BEFORE]),
    ]
