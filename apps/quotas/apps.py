from django.apps import AppConfig


class QuotasConfig(AppConfig):
    name = "apps.quotas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # They say what the second person approves.
        from apps.quotas.freeze import closing_approvals  # noqa: F401
        from apps.quotas.services import campaign_approvals, erasure_approvals, opening_approvals  # noqa: F401
