"""Addresses of signing in and out."""

from django.urls import path

from accounts import audit_views, me_views, views

app_name = "accounts"

urlpatterns = [
    path("login/", views.sign_in, name="sign_in"),
    path("login/code/", views.sign_in_code, name="sign_in_code"),
    path("login/code/again/", views.sign_in_resend, name="sign_in_resend"),
    path("login/check/", views.sign_in_check, name="sign_in_check"),
    path("login/check/new-owner/", views.sign_in_new_owner, name="sign_in_new_owner"),
    path("logout/", views.sign_out, name="sign_out"),
    path("me/", me_views.me_page, name="me"),
    path("me/export/", me_views.me_export, name="me_export"),
    path("me/close/", me_views.me_close, name="me_close"),
    path("me/close/code/", me_views.me_close_code, name="me_close_code"),
    path(".well-known/health-pass/audit-head.json", audit_views.audit_head, name="audit_head"),
]
