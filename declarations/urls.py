"""Addresses of declaring one's health."""

from django.urls import path

from declarations import proxy_views, views

app_name = "declarations"

urlpatterns = [
    path("declare/", views.declare, name="declare"),
    path("declare/unchanged/", views.unchanged, name="unchanged"),
    path("declare/verify/", views.verify, name="verify"),
    path("declare/proxy/", proxy_views.declare_proxy, name="declare_proxy"),
    path("declare/proxy/<int:proxy_id>/", proxy_views.declare_for, name="declare_for"),
    path("declare/proxy/<int:proxy_id>/done/", proxy_views.declared_for, name="declared_for"),
    path("declare/proxy/<int:proxy_id>/unchanged/", proxy_views.unchanged_for, name="unchanged_for"),
    path("divisions/<int:province>.json", views.counties, name="counties"),
    path("agreement/", views.agreement, name="agreement"),
]
