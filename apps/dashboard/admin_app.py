from django.contrib.admin.apps import AdminConfig


class OperatorAdminConfig(AdminConfig):
    """Django's admin, with the application's own access rule."""

    default_site = "apps.dashboard.admin_site.OperatorAdminSite"
