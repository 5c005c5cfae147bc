"""扫码记录 on the institution's console: read only, masked, searched by keyed hashes."""

from datetime import datetime
from decimal import Decimal

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.lists import ChoiceFilter, DayFilter, FieldFilter
from declarations.models import Person
from declarations.search import search_hashes
from institutions.console import Panel, ScopedAdmin, console
from institutions.models import Entrance, Institution, Scanner
from passcodes.colour import end_of, start_of
from passcodes.evidence import FEVER
from scanning.models import Scan, ScanEvent
from scanning.outcome import Outcome

FEVER_FROM = Decimal(str(FEVER))


def names_in(request: HttpRequest) -> list[Institution]:
    """The institutions whose scans the request may see."""
    return console.institutions_of(request.user)


class ScanDayFilter(DayFilter):
    def between(self, rows: QuerySet, start: datetime, end: datetime) -> QuerySet:
        return rows.between(start, end)


class EntranceFilter(ChoiceFilter):
    title = gettext_lazy("entrance")
    parameter = "entrance"

    def lookups(self):
        mine = Entrance.objects.filter(institution__in=names_in(self.request))
        return mine.order_by("-is_active", "name").values_list("pk", "name")

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(entrance=self.value)


class ScannerFilter(ChoiceFilter):
    title = gettext_lazy("scanner")
    parameter = "scanner"

    def lookups(self):
        mine = Scanner.objects.filter(institution__in=names_in(self.request)).select_related("account__person")
        return {member.account_id: masked_holder(member.account) for member in mine.order_by("pk")}.items()

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(scanner=self.value)


class OutcomeFilter(FieldFilter):
    title = gettext_lazy("outcome")
    parameter = "outcome"
    offered = Outcome.choices


class TemperatureFilter(ChoiceFilter):
    title = gettext_lazy("temperature")
    parameter = "temperature"

    def lookups(self):
        return [("fever", _("37.3 °C or more")), ("normal", _("Normal")), ("none", _("Not taken"))]

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(
            {
                "fever": Q(temperature__gte=FEVER_FROM),
                "normal": Q(temperature__lt=FEVER_FROM) | Q(temperature=None, found_normal=True),
                "none": Q(temperature=None, found_normal=False),
            }[self.value]
        )


def masked_holder(account) -> str:
    """The masked name of the person who holds an account."""
    person: Person | None = getattr(account, "person", None)
    return person.masked_name if person else "—"


def outcome_marker(outcome: str) -> SafeString:
    """Word, colour and shape of an outcome."""
    return render_to_string("console/_outcome.html", {"outcome": outcome, "label": Outcome(outcome).label})


def temperature_text(celsius: Decimal | None, found_normal: bool) -> str | SafeString:
    """36.5 °C, marked from 37.3 on; "normal" without a figure; a dash when none was taken."""
    if celsius is None:
        return _("Normal") if found_normal else "—"
    if celsius >= FEVER_FROM:
        return format_html('<strong class="fever">{} °C <span>{}</span></strong>', celsius, _("fever"))
    return f"{celsius} °C"


@admin.register(Scan, site=console)
class ScanAdmin(ScopedAdmin):
    order = 1
    audits_looks = True
    shows_subtitle = False
    list_display = ("time", "shown_outcome", "who", "shown_temperature", "shown_entrance", "shown_scanner", "repeat")
    list_filter = (ScanDayFilter, EntranceFilter, ScannerFilter, OutcomeFilter, TemperatureFilter)
    list_select_related = ("entrance", "institution", "person", "scanner__person")
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    hashed_search = {
        "name": "person__name_hash",
        "document": "person__document_hash",
        "last_four": "person__document_last_four_hash",
    }
    empty_text = gettext_lazy(
        "No scans yet. Add entrances and scanners; scanners then sign in on their phones and open “Scan a health "
        "pass code”. Each scan stands here at once."
    )
    search_label = gettext_lazy("Full name, document number, or its last four characters")
    fields = readonly_fields = (
        "time",
        "shown_outcome",
        "shown_temperature",
        "who",
        "shown_entrance",
        "shown_scanner",
        "repeat",
        "received_at",
        "events",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def search_hashes(self, typed: str) -> tuple[str, list[str]]:
        return search_hashes(typed)

    def looked_at(self, scan: Scan) -> str:
        return f"person:{scan.person_id}" if scan.person_id else self.subject_of(scan)

    def panel(self, request: HttpRequest) -> Panel:
        today = timezone.localdate()
        count = super().get_queryset(request).between(start_of(today), end_of(today)).count()
        return Panel("console/_scans.html", {"count": count})

    @admin.display(description=gettext_lazy("time"))
    def time(self, scan: Scan) -> str:
        return f"{timezone.localtime(scan.scanned_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description=gettext_lazy("outcome"))
    def shown_outcome(self, scan: Scan) -> SafeString:
        return outcome_marker(scan.outcome)

    @admin.display(description=gettext_lazy("person"))
    def who(self, scan: Scan) -> str | SafeString:
        if scan.person is None:
            return "—"
        return format_html('{} <span class="document">{}</span>', scan.person.masked_name, scan.person.masked_document)

    @admin.display(description=gettext_lazy("temperature"))
    def shown_temperature(self, scan: Scan) -> str | SafeString:
        return temperature_text(scan.temperature, scan.found_normal)

    @admin.display(description=gettext_lazy("entrance"))
    def shown_entrance(self, scan: Scan) -> str:
        return scan.entrance.name

    @admin.display(description=gettext_lazy("scanner"))
    def shown_scanner(self, scan: Scan) -> SafeString:
        return format_html('<span class="label">{} </span>{}', _("Scanned by"), masked_holder(scan.scanner))

    @admin.display(description=gettext_lazy("repeated"), empty_value="")
    def repeat(self, scan: Scan) -> str | SafeString:
        if scan.repeat_of is None:
            return ""
        url = reverse("admin:scanning_scan_change", args=[scan.repeat_of], current_app=self.admin_site.name)
        return format_html('<a href="{}">{}</a>', url, _("Repeated"))

    @admin.display(description=gettext_lazy("readings"))
    def events(self, scan: Scan) -> str | SafeString:
        """Everything that happened to the scan afterwards, in order."""
        events = ScanEvent.objects.filter(scan_id=scan.pk).select_related("by__person").order_by("at", "pk")
        rows = [
            {
                "at": event.at,
                "kind": event.get_kind_display(),
                "temperature": temperature_text(event.temperature, found_normal=True),
                "by": masked_holder(event.by),
            }
            for event in events
        ]
        return render_to_string("console/_events.html", {"events": rows}) if rows else "—"
