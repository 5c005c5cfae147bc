"""Addresses of the code page; the renewal is in `healthpass.hot_urls`."""

from django.urls import path, re_path

from passcodes import document_check_views, views

app_name = "passcodes"
urlpatterns = [
    path("code/", views.own, name="own"),
    path("code/offline/", views.offline, name="offline"),
    re_path(r"^code/(?P<pass_id>[0-9a-f]{16})/$", views.code, name="code"),
    path(".well-known/health-pass/keys.json", views.key_set, name="key_set"),
    # Checks by a person
    re_path(r"^face/(?P<pass_id>[0-9a-f]{16})/ask/$", document_check_views.ask_person, name="ask_person"),
    re_path(
        r"^face/(?P<pass_id>[0-9a-f]{16})/ask/withdraw/$",
        document_check_views.withdraw,
        name="withdraw_document_check",
    ),
]
