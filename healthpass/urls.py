"""Every address of the site."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language

from accounts.authority import authority
from healthpass import views
from institutions.console import console
from passcodes.desk import desk

urlpatterns = [
    path("", views.home, name="home"),
    # Without a CSRF token, which would make every page personal: the worst another site can do is change the language.
    path("i18n/setlang/", csrf_exempt(login_not_required(set_language)), name="set_language"),
    path("guide/", views.guide, name="guide"),
    path("healthz", views.healthz, name="healthz"),
    path("sw.js", views.service_worker, name="service_worker"),
    path("", include("passcodes.urls")),
    path("", include("declarations.urls")),
    path("", include("healthpass.hot_urls")),
    path("", include("accounts.urls")),
    path("", include("scanning.urls")),
    path("console/", console.urls),
    path("desk/", desk.urls),
    path("admin/", authority.urls),
]

handler500 = "healthpass.views.server_error"
