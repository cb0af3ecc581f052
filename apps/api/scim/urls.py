"""Addresses of SCIM: the library tells resources, searches and descriptions apart."""

from django.urls import path

from apps.api.scim.views import ScimView

urlpatterns = [
    path("", ScimView.as_view(), {"path": ""}, name="scim-root"),
    path("<path:path>", ScimView.as_view(), name="scim"),
]
