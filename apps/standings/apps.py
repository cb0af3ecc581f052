from django.apps import AppConfig


class StandingsConfig(AppConfig):
    name = "apps.standings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.roster.effects import count_moved_by
        from apps.standings import campaign_approvals, opening_approvals  # noqa: F401 # registers what is approved
        from apps.standings.moved_counts import count_moved

        count_moved_by(count_moved)
