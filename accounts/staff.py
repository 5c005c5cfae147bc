"""The admin sites of staff: one way in for all of them, with password and second factor."""

from datetime import datetime, timedelta

import django_otp
from axes.utils import reset as forget_failures
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import actions, audit, limits, sessions, staff_setup
from accounts.backends import axes_username
from accounts.forms import StaffForm
from accounts.limits import LimitReached, client_address
from accounts.models import Account
from accounts.views import end_session, locked_page, own_path

FAILURES_A_DAY = 30  # of a phone number, from anywhere; five in a row from one address lock that address sooner
DAY = timedelta(days=1)


class StaffSite(AdminSite):
    """An AdminSite entered with phone, password and six digits. A subclass says who, by `may_enter`."""

    def may_enter(self, account: Account) -> bool:
        """Whether this site is for the account. Asked at sign-in and at every request."""
        return False

    def role_since(self, account: Account) -> datetime | None:
        """When the role was given that opens this site to the account; None if that is not written down."""
        return None

    def has_permission(self, request: HttpRequest) -> bool:
        account = request.user
        return account.is_active and account.is_verified() and self.may_enter(account)

    @method_decorator(never_cache)
    @method_decorator(sensitive_post_parameters())
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The sign-in page. Whatever is wrong, also "not for this site", looks the same and counts the same."""
        index = reverse("admin:index", current_app=self.name)
        after = own_path(request, request.POST.get("next", request.GET.get("next"))) or index
        if request.method == "GET" and self.has_permission(request):
            return redirect(after)
        form = StaffForm(request.POST or None)
        if form.is_valid():
            try:
                account = self.authenticated(request, form.cleaned_data)
            except LimitReached as limit:
                return locked_page(request, limit.retry_at, timezone.now())
            if account:
                return self.signed_in(request, account, after, phone=form.cleaned_data["phone"])
            form.add_error(None, _("Phone number, password and digits do not fit together. Wait for new digits."))
        setup = reverse("admin:setup", current_app=self.name)
        context = {"form": form, "next": after, "site_header": self.site_header, "setup": setup}
        return render(request, "accounts/staff_sign_in.html", context)

    def authenticated(self, request: HttpRequest, typed: dict) -> Account | None:
        """The account, None if anything is wrong. Raises LimitReached after many failures of a day.

        They count over all addresses, though not once django-axes has locked the address, so that nothing is tried.
        Browsers that the account has been on count by themselves, so that strangers lock out nobody there.
        """
        known = sessions.is_known_to_phone(request, typed["phone"])
        count = {"scope": "staff-known" if known else "staff-stranger", "value": typed["phone"], "per": DAY}
        now = timezone.now()
        limits.take(**count, limit=FAILURES_A_DAY, at=now)  # first, so that many tries at once are counted too
        account = authenticate(request, **typed, may_enter=self.may_enter)
        if account or getattr(request, "axes_locked_out", False):
            limits.give_back(**count, at=now)
        return account

    def signed_in(self, request: HttpRequest, account: Account, after: str, *, phone: str) -> HttpResponse:
        """Begin the session of staff: it ends after STAFF_SESSION_AGE, used or not."""
        now = timezone.now()
        response = redirect(after)
        device = account.otp_device
        forget_failures(username=axes_username(request, {"phone": phone}), ip=client_address(request))
        actions.record_staff_sign_in(account=account, site=self.name, at=now)
        sessions.start(request, response, account, backend="accounts.backends.StaffBackend", at=now)
        django_otp.login(request, device)
        request.session.set_expiry(settings.STAFF_SESSION_AGE)
        return response

    def get_urls(self) -> list:
        """Also the page where somebody who was given a role makes the first password."""
        return [path("setup/", self.set_up, name="setup"), *super().get_urls()]

    @method_decorator(never_cache)
    @method_decorator(sensitive_post_parameters())
    def set_up(self, request: HttpRequest) -> HttpResponse:
        """Password and second factor for an account that has a role and neither, signed in by a one-time code."""
        return staff_setup.page(self, request)

    def password_change(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Django's, which asks for the old password and ends the account's other sessions; with an audit row."""
        with transaction.atomic():
            response = super().password_change(request, extra_context)
            if response.status_code == 302:
                subject = f"account:{request.user.pk}"
                audit.record(
                    by=request.user, action="change-password", subject=subject, at=timezone.now(), site=self.name
                )
        return response

    @method_decorator(never_cache)
    @login_not_required
    def logout(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """As residents sign out: also the device keys end, and the browser forgets."""
        if request.method != "POST":
            return redirect(reverse("admin:index", current_app=self.name))
        return end_session(request, again=reverse("admin:login", current_app=self.name))
