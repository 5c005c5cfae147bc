"""The health authority's site, `/admin/`. Each app's admin.py registers what it keeps."""

from django.utils.translation import gettext_lazy as _

from accounts.audited import AuditedSite
from accounts.models import Account


class AuthoritySite(AuditedSite):
    """Open to officers of the authority."""

    site_title = _("Liaoning Health Pass")
    site_header = _("Health authority")
    index_title = _("Health authority")

    def may_enter(self, account: Account) -> bool:
        return account.is_officer


authority = AuthoritySite(name="admin")
