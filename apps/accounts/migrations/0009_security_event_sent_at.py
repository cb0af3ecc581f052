from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_superseded_requests_and_tried_mails"),
    ]

    operations = [
        migrations.AddField(
            model_name="securityevent",
            name="sent_at",
            field=models.DateTimeField(help_text="the row is then kept for a day, without the address", null=True),
        ),
        migrations.RemoveConstraint(
            model_name="securityevent",
            name="accounts_security_event_address",
        ),
        migrations.AddConstraint(
            model_name="securityevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("address", ""), _negated=True), ("sent_at__isnull", False), _connector="OR"
                ),
                name="accounts_security_event_address",
            ),
        ),
    ]
