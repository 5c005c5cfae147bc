"""The health authority's site, `/admin/`. Each app's admin.py registers what it keeps."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import looks, purposes
from accounts.audited import AuditedSite
from accounts.models import Account
from accounts.wording import subject_words

ALERTS = 10  # on the first page


# Upper apps add what waits for an officer: words and an address, or None.
waiting: list[Callable[[Account], tuple[str, str] | None]] = []


def page_of(model: str, keys: Sequence[int], query: str = "") -> str:
    """Where what waits is seen: the page of the one, else the list, of the rows that the query chooses."""
    if len(keys) == 1:
        return reverse(f"admin:{model}_change", args=keys)
    return reverse(f"admin:{model}_changelist") + query


class AuthoritySite(AuditedSite):
    """Open to officers of the authority, who look at people for a reason."""

    asks_why = True

    site_title = _("Liaoning Health Pass")
    site_header = _("Health authority")
    index_title = _("Health authority")

    def may_enter(self, account: Account) -> bool:
        return account.is_officer

    def role_since(self, account: Account) -> datetime:
        """When the second office agreed. Only for who may enter."""
        return account.officer_role.approved_at

    def get_urls(self) -> list:
        """Also the page that asks why somebody looks at people."""
        return [path("why/", self.admin_view(self.why), name="why"), *super().get_urls()]

    def why(self, request: HttpRequest) -> HttpResponse:
        """Why the next looks are needed."""
        request.current_app = self.name
        return purposes.page(request, self.each_context(request))

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The first page, with recent alerts of unusually many looks at people."""
        alerts = [(entry, subject_words(entry.subject)) for entry in looks.recent_alerts(timezone.now())[:ALERTS]]
        found = [waits for ask in waiting if (waits := ask(request.user))]
        return super().index(request, {"alerts": alerts, "waiting": found, **(extra_context or {})})


authority = AuthoritySite(name="admin")
