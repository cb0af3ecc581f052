from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "apps.campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.campaigns.selectors import running_periods
        from apps.core.closed_periods import register_open_periods

        register_open_periods(running_periods)
