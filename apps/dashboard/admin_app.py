from django.contrib.admin.apps import AdminConfig


class OperatorAdminConfig(AdminConfig):
    """Django's admin, with our rule who may enter."""

    default_site = "apps.dashboard.admin_site.OperatorAdminSite"
