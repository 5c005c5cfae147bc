"""What the accounts app keeps of an account."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.me import Fact, Remainder, Row, deleted_on, remains, section
from accounts.models import Account
from healthpass.lib.retention import period


@section("sign_in", gettext_lazy("How you sign in"), order=10)
def sign_in(account: Account, at: datetime) -> Iterator[Row]:
    """Phone numbers and addresses."""
    for identifier in account.identifiers.order_by("-used_at"):
        yield [
            Fact("kind", _("kind"), identifier.kind, identifier.get_kind_display()),
            Fact("value", _("value"), identifier.value, str(identifier)),
            Fact("used_at", _("last signed in"), identifier.used_at),
            Fact("created_at", _("created"), identifier.created_at),
        ]


@section("browsers", gettext_lazy("Browsers you have signed in on"), order=80)
def browsers(account: Account, at: datetime) -> Iterator[Row]:
    """Devices, of which nothing is known but when."""
    for device in account.devices.order_by("-seen_at"):
        yield [
            Fact("seen_at", _("last signed in"), device.seen_at),
            Fact("created_at", _("first signed in"), device.created_at),
        ]


@remains(order=90)
def audit_remains(account: Account, at: datetime) -> list[Remainder]:
    """What was done stays answerable."""
    until = deleted_on(at, period("accounts.AuditEntry"))
    return [Remainder(_("The audit: who did what with your data, by numbers, without your name"), until)]
