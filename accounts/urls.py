"""Addresses of signing in and out."""

from django.urls import path

from accounts import audit_views, views

app_name = "accounts"

urlpatterns = [
    path("login/", views.sign_in, name="sign_in"),
    path("login/code/", views.sign_in_code, name="sign_in_code"),
    path("login/code/again/", views.sign_in_resend, name="sign_in_resend"),
    path("login/check/", views.sign_in_check, name="sign_in_check"),
    path("login/check/new-owner/", views.sign_in_new_owner, name="sign_in_new_owner"),
    path("logout/", views.sign_out, name="sign_out"),
    path(".well-known/health-pass/audit-head.json", audit_views.audit_head, name="audit_head"),
]
