from django.apps import AppConfig


class StandingsConfig(AppConfig):
    name = "apps.standings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.roster.effects import register_effects
        from apps.standings import campaign_approvals, opening_approvals  # noqa: F401 # registers what is approved
        from apps.standings.affected_counts import (
            count_affected_employees,
            count_changed_in_result,
            count_changed_targets,
            count_future_colleagues,
            count_joiners_and_leavers,
            count_moved_in_campaign,
        )

        register_effects(
            counts=count_affected_employees, targets=count_changed_targets, future_colleagues=count_future_colleagues,
            joiners_and_leavers=count_joiners_and_leavers, in_campaign=count_moved_in_campaign,
            in_result=count_changed_in_result,
        )  # fmt: skip
