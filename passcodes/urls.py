"""Addresses of the code page; the renewal is in `healthpass.hot_urls`."""

from django.urls import path, re_path

from passcodes import api, views

app_name = "passcodes"
urlpatterns = [
    path("code/", views.own, name="own"),
    path("code/offline/", views.offline, name="offline"),
    re_path(r"^code/(?P<pass_id>[0-9a-f]{16})/$", views.code, name="code"),
    path("api/v1/risk/", api.push_risk, name="push_risk"),
    path(".well-known/health-pass/keys.json", views.key_set, name="key_set"),
]
