"""The root URL configuration."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path, reverse
from django.views.i18n import set_language

from apps.core import health
from apps.dashboard.operators import is_unverified_operator
from apps.monitoring.views import metrics


@login_not_required
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the common sign-in; a signed-in user without access to the admin gets a 404."""
    if is_unverified_operator(request):
        return redirect("second-factor")
    if request.user.is_authenticated:
        raise Http404
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


urlpatterns = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics, name="metrics"),
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    # Users sign in at one page only, which is audited; the admin's own would be a second one.
    path("admin/login/", admin_sign_in),
    path("admin/", admin.site.urls),
    path("api/v1/", include("apps.api.urls")),
    path("scim/v2/", include("apps.api.scim.urls")),
    # Last, because its patterns begin at the root.
    path("", include("apps.dashboard.urls")),
]

handler400 = "apps.dashboard.views.errors.bad_request"
handler403 = "apps.dashboard.views.errors.forbidden"
handler404 = "apps.dashboard.views.errors.not_found"
handler500 = "apps.dashboard.views.errors.failed"
