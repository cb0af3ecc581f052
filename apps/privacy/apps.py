from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "apps.privacy"

    def ready(self) -> None:
        from apps.privacy import erasure_approvals  # noqa: F401 # registers what is approved
