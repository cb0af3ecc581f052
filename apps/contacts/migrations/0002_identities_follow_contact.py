"""An identity belongs to a contact of the same employee and is live exactly as long as the contact is.

A foreign key on all three columns holds both; ending or restoring a contact carries over by its cascade.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="""
                ALTER TABLE contacts_contactidentity ADD CONSTRAINT contacts_identity_follows_contact
                FOREIGN KEY (employee_id, contact_id, live) REFERENCES contacts_contact (employee_id, id, live)
                ON UPDATE CASCADE;
            """,
            reverse_sql="ALTER TABLE contacts_contactidentity DROP CONSTRAINT contacts_identity_follows_contact;",
        )
    ]
