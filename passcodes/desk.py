"""The desk, `/desk/`: where a clerk serves people who have no phone, their document seen.

A staff site of its own pages only. Each is closed but to current clerks, and within it to the people whose document the
clerk has affirmed to have seen within the last half hour.
"""

from collections.abc import Callable
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts.desk import clerk_of
from accounts.models import Account
from accounts.staff import StaffSite
from passcodes import desk_code_views as codes
from passcodes import desk_views as views

INHERITED = ("index", "login", "logout", "password_change", "password_change_done", "setup")


class DeskSite(StaffSite):
    """Open to current desk clerks."""

    site_title = site_header = _("Community service desk")
    enable_nav_sidebar = False

    def may_enter(self, account: Account) -> bool:
        return clerk_of(account) is not None

    def role_since(self, account: Account) -> datetime:
        return clerk_of(account).created_at

    def get_urls(self) -> list:
        """Only sign-in, the password, and the desk's own pages: nothing else of Django's admin."""
        person = "person/<int:person_id>/"
        pages = [
            ("today/", views.today, "today"),
            ("declare/", views.declare, "declare"),
            (person, views.person, "person"),
            (f"{person}declare/", views.declare_again, "declare_again"),
            (f"{person}paper/", views.paper, "paper"),
            (f"{person}phone/", codes.phone, "phone"),
            (f"{person}phone/code/", codes.phone_code, "phone_code"),
            (f"{person}owner/", codes.owner, "owner"),
            (f"{person}owner/code/", codes.owner_code, "owner_code"),
            (f"{person}proxy/<int:proxy_id>/agree/", views.agree_proxy, "agree_proxy"),
            (f"{person}proxy/<int:proxy_id>/end/", views.end_proxy, "end_proxy"),
        ]
        own = [path(route, self._page(view), name=name) for route, view, name in pages]
        return [*own, *(url for url in super().get_urls() if getattr(url, "name", None) in INHERITED)]

    def _page(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """The view for those who may enter; others are sent to the desk's own sign-in. Never stored."""
        page = self.admin_view(sensitive_post_parameters()(view))
        page.login_url = reverse_lazy("admin:login", current_app=self.name)
        return page

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The first page: who is here?"""
        return sensitive_post_parameters()(views.look_up)(request)


desk = DeskSite(name="desk")
