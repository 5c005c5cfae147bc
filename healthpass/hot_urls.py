"""The two hot paths, dispatched before any other middleware: renewing a code and checking a scan."""

urlpatterns = []
