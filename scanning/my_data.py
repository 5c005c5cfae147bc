"""What the scan log keeps of an account's person."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.me import Fact, Remainder, Row, deleted_on, remains, section
from accounts.models import Account
from declarations.models import Person
from healthpass.lib.retention import period
from scanning.models import Scan


@section("scans", gettext_lazy("Scans of your code"), order=39)
def scans(account: Account, at: datetime) -> Iterator[Row]:
    """When, where, and what was found; not who scanned."""
    own = Person.objects.held_by(account).first()
    rows = Scan.objects.filter(person=own) if own else Scan.objects.none()
    for scan in rows.select_related("institution", "entrance").order_by("-id"):
        reading = scan.reading
        celsius = reading and reading.celsius
        found_normal = _("normal") if reading else "—"
        yield [
            Fact("scanned_at", _("time"), scan.scanned_at),
            Fact("institution", _("institution"), scan.institution.name),
            Fact("entrance", _("entrance"), scan.entrance.name),
            Fact("outcome", _("outcome"), scan.outcome, scan.get_outcome_display()),
            Fact(
                "temperature",
                _("temperature"),
                celsius if celsius is not None else ("normal" if reading else None),
                found_normal if celsius is None else f"{celsius} °C",
            ),
        ]


@remains(order=30)
def what_remains(account: Account, at: datetime) -> list[Remainder]:
    """The scans, with whoever had the code."""
    own = Person.objects.held_by(account).first()
    last = own and Scan.objects.filter(person=own).order_by("-id").first()
    if not last:
        return []
    return [
        Remainder(_("Scans of your code, for tracing contacts"), deleted_on(last.scanned_at, period("scanning.Scan")))
    ]
