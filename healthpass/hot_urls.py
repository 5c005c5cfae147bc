"""The hot paths, dispatched before any other middleware: renewing a code, checking a scan."""

from django.urls import path, re_path

import passcodes.hot
import scanning.hot

urlpatterns = [
    re_path(r"^code/(?P<pass_id>[0-9a-f]{16})/token$", passcodes.hot.token, name="token"),
    path("scan/check", scanning.hot.check, name="scan_check"),
    path("scan/<uuid:id>/temperature", scanning.hot.temperature, name="scan_temperature"),
]
