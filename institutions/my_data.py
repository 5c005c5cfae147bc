"""What the institutions app keeps of an account: where it scans, and what it runs."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.me import Fact, Row, closes, section
from accounts.models import Account
from institutions.actions import end_member
from institutions.models import Membership


@section("memberships", gettext_lazy("Institutions you scan for or run"), order=70)
def memberships(account: Account, at: datetime) -> Iterator[Row]:
    """Current and ended."""
    rows = Membership.objects.filter(account=account).select_related("institution")
    for member in rows.order_by("-created_at", "-pk"):
        yield [
            Fact("institution", _("institution"), member.institution.name),
            Fact("role", _("role"), member.role, member.get_role_display()),
            Fact("since", _("since"), member.created_at),
            Fact("ended_at", _("ended"), member.ended_at),
        ]


@closes(order=20)
def end_memberships(*, account: Account, by: Account, at: datetime) -> None:
    """The account scans for nobody and runs nothing."""
    for member in Membership.objects.current().filter(account=account).order_by("pk"):
        end_member(member=member, by=by, at=at)
