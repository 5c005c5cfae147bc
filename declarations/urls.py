"""Addresses of declaring one's health."""

from django.urls import path

from declarations import views

app_name = "declarations"

urlpatterns = [
    path("declare/", views.declare, name="declare"),
    path("declare/unchanged/", views.unchanged, name="unchanged"),
    path("declare/verify/", views.verify, name="verify"),
    path("divisions/<int:province>.json", views.counties, name="counties"),
    path("agreement/", views.agreement, name="agreement"),
]
