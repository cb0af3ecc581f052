"""Blocks of another size: what was summed up by the old one is built anew by the next sweep."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("quotas", "0015_orders_of_lists")]

    operations = [migrations.RunSQL("UPDATE quotas_rollup SET state = 'void'", migrations.RunSQL.noop)]
