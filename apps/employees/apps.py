from django.apps import AppConfig


class EmployeesConfig(AppConfig):
    name = "apps.employees"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.employees import checks  # noqa: F401 - registered by being read, once the apps are
