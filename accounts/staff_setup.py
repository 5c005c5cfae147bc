"""The first password and second factor of staff: set once, by whoever has just proved the account's phone.

Soon after the role was given: a phone number may change hands before its owner comes. The app's secret is made for the
session that is to set it up, so that whoever saw an earlier one knows nothing of the later.
"""

from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import audit, sms
from accounts.forms import SetUpForm
from accounts.models import Account, IdentifierKind
from healthpass.lib import qr

FRESH = timedelta(minutes=30)  # since the one-time code: a phone that was left lying about sets nothing up
ROLE_FRESH = timedelta(days=7)  # since the role was given to whoever has the phone
DEVICE_NAME = "app"


class Site(Protocol):
    """What is needed of a staff site."""

    name: str
    site_header: str

    def may_enter(self, account: Account) -> bool: ...

    def role_since(self, account: Account) -> datetime | None: ...


class SetUpAlready(Exception):
    """The account has a password or a second factor."""


class WrongDigits(Exception):
    """Not the digits that the app shows now."""


def page(site: Site, request: HttpRequest) -> HttpResponse:
    """The form with the app's secret; then the site's sign-in. Raises Http404 for whoever has no role there."""
    now = timezone.now()
    account = request.user
    sign_in = reverse("admin:login", current_app=site.name)
    if not site.may_enter(account):
        raise Http404
    if is_set_up(account):
        messages.info(request, _("Your sign-in is set up already."))
        return redirect(sign_in)
    if request.session.get("since", 0) < (now - FRESH).timestamp():
        return render(request, "accounts/staff_setup_again.html", {"site_header": site.site_header})
    since = site.role_since(account)
    if since and since < now - ROLE_FRESH:
        return render(request, "accounts/staff_setup_late.html", {"site_header": site.site_header})
    device = _waiting_device(request)
    form = SetUpForm(request.POST or None, account=account)
    if form.is_valid():
        data = form.cleaned_data
        try:
            given = {"password": data["password"], "digits": data["digits"], "device_id": device.pk}
            set_up(account=account, site=site.name, **given, at=now)
        except WrongDigits:
            form.add_error("digits", _("These digits do not fit. Wait for new ones, and check the phone's clock."))
        except SetUpAlready:
            return redirect(sign_in)
        else:
            messages.success(request, _("Set up. Now sign in with phone number, password and new digits."))
            return redirect(sign_in)
    size, drawing = qr.svg_path(device.config_url)
    secret = device.config_url.partition("secret=")[2].partition("&")[0]
    context = {"form": form, "site_header": site.site_header, "qr_size": size, "qr_path": drawing, "secret": secret}
    return render(request, "accounts/staff_setup.html", context)


def is_set_up(account: Account) -> bool:
    """Whether the account has a password or a second factor: then nothing is set up without them."""
    return account.is_staff or TOTPDevice.objects.devices_for_user(account, confirmed=True).exists()


def _waiting_device(request: HttpRequest) -> TOTPDevice:
    """The device whose secret this session shows until its digits have been entered once; a new one ends all others."""
    waiting = TOTPDevice.objects.devices_for_user(request.user, confirmed=False)
    device = waiting.filter(pk=request.session.get("setup_device")).first()
    if device is None:
        waiting.delete()
        device = TOTPDevice.objects.create(user=request.user, name=DEVICE_NAME, confirmed=False)
        request.session["setup_device"] = device.pk
    return device


def set_up(*, account: Account, site: str, password: str, digits: str, device_id: int, at: datetime) -> None:
    """Give the account its password and confirm its device; other sessions of it end. Raises WrongDigits, SetUpAlready.

    A wrong try is kept, so that django-otp slows down the next.
    """
    with transaction.atomic():
        current = Account.objects.select_for_update().get(pk=account.pk)
        if is_set_up(current):
            raise SetUpAlready
        device = TOTPDevice.objects.devices_for_user(current, confirmed=False).filter(pk=device_id).first()
        fits = device is not None and device.verify_token(digits)
        if fits:
            device.confirmed = True
            device.save()
            current.set_password(password)
            current.save(update_fields=["password"])
            audit.record(by=current, action="set-up-staff", subject=f"account:{current.pk}", at=at, site=site)
            _tell(current, at)
    if not fits:
        raise WrongDigits


def _tell(account: Account, at: datetime) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "A password and a second factor have been set up for your staff account of the Liaoning Health Pass. If "
            "this was not you, tell the health authority at once."
        )
    for phone in account.identifiers.filter(kind=IdentifierKind.PHONE):
        transaction.on_commit(lambda to=phone.value: sms.send(to, text, at=at), robust=True)
