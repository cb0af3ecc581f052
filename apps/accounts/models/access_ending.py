"""Access that ends with an employment or address, before the end is carried out."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class AccessEnding(models.Model):
    """The accounts whose access one statement ended. Triggers write it, carry it out and delete it (ADR 65)."""

    accounts = ArrayField(models.BigIntegerField())
    with_factors = models.BooleanField(help_text="whether their second factors end too")
