"""The scanner's pages; the requests of the camera page are in `healthpass.hot_urls`."""

from django.urls import path, re_path

from scanning import views

app_name = "scanning"

urlpatterns = [
    path("scan/", views.scan, name="scan"),
    path("scan/entrance/", views.entrance, name="entrance"),
    path("scan/read/", views.read, name="read"),
    path("scan/record/", views.record, name="record"),
    # What a QR holds, and what people make of it: anything may follow.
    re_path(r"^[cC]/(?P<token>[\s\S]*)$", views.open_code, name="open"),
]
