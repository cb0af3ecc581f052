from django.apps import AppConfig


class QuotasConfig(AppConfig):
    name = "apps.quotas"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.employees.roster_effects import count_moved_by
        from apps.quotas.freeze import closing_approvals  # noqa: F401 # registers what the second person approves
        from apps.quotas.services import campaign_approvals, erasure_approvals, opening_approvals  # noqa: F401
        from apps.quotas.services.moved_counts import count_moved

        count_moved_by(count_moved)
