"""The site, and one admin site as institutions and the authority make theirs."""

from django.contrib import admin
from django.urls import path

from accounts.models import AuditEntry
from accounts.staff import StaffSite
from healthpass.urls import handler500
from healthpass.urls import urlpatterns as site_urlpatterns

__all__ = ["handler500", "urlpatterns"]


class Office(StaffSite):
    """Open to officers."""

    site_header = "Office"

    def may_enter(self, account):
        return account.is_officer


class AuditEntryAdmin(admin.ModelAdmin):
    """Grants by itself what Django's permissions do not."""

    def has_module_permission(self, request):
        return True

    def has_view_permission(self, request, obj=None):
        return True


office = Office(name="office")
office.register(AuditEntry, AuditEntryAdmin)

urlpatterns = [path("office/", office.urls), *site_urlpatterns]
