"""Every address of the site."""

from django.urls import include, path

from healthpass import views

urlpatterns = [
    path("", views.home, name="home"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("healthz", views.healthz, name="healthz"),
    path("", include("healthpass.hot_urls")),
]

handler500 = "healthpass.views.server_error"
