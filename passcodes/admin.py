"""The epidemic database on the authority's site, and the colours that were shown."""

from datetime import date, datetime, timedelta

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.audited import AuditedAdmin
from accounts.authority import authority
from accounts.lists import ChoiceFilter, DayFilter, FieldFilter
from accounts.models import Account
from declarations import divisions, documents
from declarations.documents import DocumentKind
from declarations.models import Person, document_hash
from declarations.search import search_hashes
from passcodes import appeal_admin, approvals, document_check_admin, endings, risk_admin, rule_admin, source_admin
from passcodes.actions import reason_from_json
from passcodes.basis_forms import BasisForm
from passcodes.colour import Colour, RiskCategory, RiskLevel
from passcodes.models import ColourChange, RiskArea, RiskRecord
from passcodes.reasons import text_of
from passcodes.risk_rows import MANAGED_AHEAD, Problem, lapse_of
from passcodes.risk_rows import text_of as text_as_listed
from passcodes.risk_words import plain
from passcodes.years import check_year

__all__ = [
    "appeal_admin",
    "document_check_admin",
    "risk_admin",
    "rule_admin",
    "source_admin",
]  # which register their own models


class RiskRecordForm(BasisForm, forms.ModelForm):
    """The document is typed, checked and kept as a keyed hash only. The office is that of whoever proposes it."""

    document_kind = forms.ChoiceField(label=gettext_lazy("Document"), choices=DocumentKind)
    document_number = forms.CharField(label=gettext_lazy("Document number"), max_length=40)

    def clean_starts_at(self) -> datetime:
        check_year(self.cleaned_data["starts_at"])
        return self.cleaned_data["starts_at"]

    def clean_ends_at(self) -> datetime | None:
        if self.cleaned_data["ends_at"]:
            check_year(self.cleaned_data["ends_at"])
        return self.cleaned_data["ends_at"]

    def clean(self) -> dict:
        data = super().clean()
        if "document_kind" in data and "document_number" in data:
            try:
                number = documents.check(data["document_kind"], data["document_number"])
            except documents.InvalidNumber as error:
                raise ValidationError({"document_number": _("This cannot be a number of such a document.")}) from error
            self.instance.document_hash = document_hash(data["document_kind"], number)
        if data.get("category") == RiskCategory.MANAGED and data.get("starts_at") and "ends_at" in data:
            _check_managed(data["starts_at"], data["ends_at"], timezone.now())
        return data


def _check_managed(starts_at: datetime, ends_at: datetime | None, now: datetime) -> None:
    """Raises ValidationError where "other managed" is too far ahead, or would count for no moment any more."""
    if starts_at > now + MANAGED_AHEAD:
        raise ValidationError({"starts_at": _("Enter an “other managed” person within 24 hours of the beginning.")})
    lapses_at = lapse_of(starts_at, ends_at, listed_at=now)
    if lapses_at <= now:
        field = "ends_at" if ends_at == lapses_at else "starts_at"
        raise ValidationError({field: _("This is over already: “other managed” lasts 72 hours at most.")})


class CategoryFilter(FieldFilter):
    title = gettext_lazy("category")
    parameter = "category"
    offered = RiskCategory.choices


class InForceFilter(ChoiceFilter):
    title = gettext_lazy("state")
    parameter = "state"

    def lookups(self):
        return [("in_force", _("In force")), ("ended", _("Ended"))]

    def chosen(self, rows: QuerySet) -> QuerySet:
        now = timezone.now()
        return rows.in_force(now) if self.value == "in_force" else rows.filter(ends_at__lte=now)


@admin.register(RiskRecord, site=authority)
class RiskRecordAdmin(AuditedAdmin):
    """Added and ended; never edited, so that what a colour rested on stays to be read."""

    order = 1
    can_add = True
    audits_looks = True
    shows_subtitle = False
    list_display = ("number", "category", "starts_at", "ends_at", "office", "source", "counts")
    list_filter = (InForceFilter, CategoryFilter)
    ordering = ("-pk",)
    sortable_by = ()
    actions = ("end_selected",)
    hashed_search = {"document": "document_hash"}
    search_label = gettext_lazy("Whole document number")
    change_form_template = "admin/risk_record.html"
    add_fields = (
        "document_kind",
        "document_number",
        "category",
        "starts_at",
        "ends_at",
        "source",
        "basis",
        "reason",
    )
    list_select_related = ("batch",)
    shown_fields = (
        "category",
        "starts_at",
        "ends_at",
        "source",
        "office",
        "office_phone",
        "counts",
        "batch",
        "created_by",
        "created_at",
    )

    @admin.display(description=gettext_lazy("number"))
    def number(self, record: RiskRecord) -> str:
        return f"#{record.pk}"

    @admin.display(description=gettext_lazy("state"))
    def counts(self, record: RiskRecord) -> str:
        """That of the batch: only what is in force counts."""
        return record.batch.get_state_display()

    @admin.display(description=gettext_lazy("created by"))
    def created_by(self, record: RiskRecord) -> Account | None:
        return record.batch.created_by

    @admin.display(description=gettext_lazy("created"))
    def created_at(self, record: RiskRecord) -> datetime:
        return record.batch.created_at

    def get_form(self, request: HttpRequest, obj: RiskRecord | None = None, change: bool = False, **kwargs):
        if obj is None:
            kwargs["form"] = RiskRecordForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: RiskRecord | None = None):
        return self.shown_fields if obj else self.add_fields

    def get_readonly_fields(self, request: HttpRequest, obj: RiskRecord | None = None):
        return self.shown_fields if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict:
        return {"starts_at": timezone.now().replace(second=0, microsecond=0)}

    def save_model(self, request: HttpRequest, obj: RiskRecord, form: RiskRecordForm, change: bool) -> None:
        _enter(request, obj, form)

    def response_add(self, request: HttpRequest, obj: RiskRecord, post_url_continue: str | None = None) -> HttpResponse:
        return _proposed(self, request)

    def search_hashes(self, typed: str) -> tuple[str, list[str]]:
        kind, hashes = search_hashes(typed)
        return "document", hashes if kind == "document" else [document_hash(DocumentKind.OTHER, "")]

    def looked_at(self, record: RiskRecord) -> str:
        """Who is listed, if we know them: they may read that somebody looked."""
        known = Person.objects.real_name().filter(document_hash=record.document_hash).first()
        return f"person:{known.pk}" if known else self.subject_of(record)

    def people_found(self, changelist: ChangeList) -> set[str]:
        """Whose document was typed, listed or not: that they are not is found out too."""
        known = Person.objects.real_name().filter(document_hash__in=changelist.found.hashes)
        people = {f"person:{pk}" for pk in known.values_list("pk", flat=True)}
        return people or {self.subject_of(record) for record in changelist.result_list}

    @admin.action(description=gettext_lazy("End the selected risk records"))
    def end_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._end(request, queryset)

    def extra_urls(self, name: str) -> list:
        view = self.admin_site.admin_view(require_POST(self.end_view))
        return [path("<int:object_id>/end/", view, name=f"{name}_end")]

    def end_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ends one record."""
        record = self.get_object(request, str(object_id))
        self._end(request, self.get_queryset(request).filter(pk=record.pk))
        return HttpResponseRedirect(self.list_url())

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj and (obj.ends_at is None or obj.ends_at > timezone.now()):
            context["end_url"] = self._url("end", obj.pk)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _end(self, request: HttpRequest, records: QuerySet) -> None:
        now = timezone.now()
        running = list(records.filter(Q(ends_at=None) | Q(ends_at__gt=now)))
        for record in running:
            endings.end_record(record=record, by=request.user, at=now)
        self.message_user(
            request,
            _("Risk records ended: %(count)d") % {"count": len(running)},
            messages.SUCCESS if running else messages.WARNING,
        )


def _enter(request: HttpRequest, row: RiskRecord | RiskArea, form: BasisForm) -> None:
    basis, reason = form.cleaned_data["basis"], form.cleaned_data["reason"]
    approvals.enter(row=row, basis=basis, reason=reason, by=request.user, at=timezone.now())


def _proposed(model_admin: AuditedAdmin, request: HttpRequest) -> HttpResponse:
    """Back to the list, saying that nothing counts yet."""
    said = _("Entered. It counts when an officer of another office has agreed to its batch.")
    model_admin.message_user(request, said, messages.SUCCESS)
    return HttpResponseRedirect(request.path if "_addanother" in request.POST else model_admin.list_url())


class LevelFilter(FieldFilter):
    title = gettext_lazy("level")
    parameter = "level"
    offered = RiskLevel.choices


LAST_DAY_AHEAD = timedelta(days=366)  # as far off as one officer sets the end of an area that had none


class RiskAreaForm(forms.ModelForm):
    """Checks the division (GB/T 2260): a county, a prefecture or a province. The last day is only ever put earlier."""

    def clean_place(self) -> str:
        try:
            return text_as_listed(plain(self.cleaned_data["place"]), 100)
        except ValueError as error:
            raise ValidationError(Problem.TEXT.label) from error

    def clean_starts_on(self) -> date:
        check_year(self.cleaned_data["starts_on"])
        return self.cleaned_data["starts_on"]

    def clean_ends_on(self) -> date | None:
        last, before = self.cleaned_data["ends_on"], self.initial.get("ends_on")
        if last:
            check_year(last)
        is_longer = bool(before) and (last is None or last > before)
        if self.instance.pk and is_longer:
            raise ValidationError(_("An area that is to last longer is entered anew: another office has to agree."))
        latest = timezone.localdate() + LAST_DAY_AHEAD
        if self.instance.pk and last and not before and last > latest:
            raise ValidationError(_("Choose a day until %(last)s, or leave it empty.") % {"last": latest})
        first = self.cleaned_data.get("starts_on", self.instance.starts_on)
        if first and last and last < first:
            raise ValidationError(_("The last day cannot be before the first, %(first)s.") % {"first": first})
        return last

    def clean_division(self) -> int:
        division = self.cleaned_data["division"]
        if not divisions.known(division):
            raise ValidationError(_("There is no division with this code."))
        return division


class NewRiskAreaForm(BasisForm, RiskAreaForm):
    """Another office is asked, on a legal basis."""


@admin.register(RiskArea, site=authority)
class RiskAreaAdmin(AuditedAdmin):
    """Added; later only its last day is set."""

    order = 2
    can_add = can_change = True
    form = RiskAreaForm
    change_form_template = "admin/risk_area.html"
    list_display = ("where", "level", "starts_on", "ends_on", "source", "counts")
    list_filter = (LevelFilter,)
    list_select_related = ("batch",)
    ordering = ("-starts_on", "-pk")
    sortable_by = ()
    add_fields = ("division", "place", "level", "starts_on", "ends_on", "source", "basis", "reason")
    shown_fields = ("where", "level", "starts_on", "ends_on", "source", "office", "office_phone", "counts", "batch")

    def get_form(self, request: HttpRequest, obj: RiskArea | None = None, change: bool = False, **kwargs):
        if obj is None:
            kwargs["form"] = NewRiskAreaForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: RiskArea | None = None):
        if obj is None:
            return ()
        may_end = not endings.waits(obj)
        return [name for name in self.shown_fields if not (may_end and name == "ends_on")]

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj and endings.waits(obj):
            context |= {"waits": True, "show_save": False, "show_save_and_add_another": False}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changeform_view(self, request: HttpRequest, object_id=None, form_url="", extra_context=None) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except endings.Waits:
            said = _("Another office is looking at this area: its last day cannot be changed meanwhile.")
            self.message_user(request, said, messages.ERROR)
            return HttpResponseRedirect(request.path)

    def get_fields(self, request: HttpRequest, obj: RiskArea | None = None):
        return self.shown_fields if obj else self.add_fields

    def save_model(self, request: HttpRequest, obj: RiskArea, form: RiskAreaForm, change: bool) -> None:
        if change:
            if form.has_changed() or endings.waits(obj):  # then its form has no fields, and `end_area` says no
                endings.end_area(area=obj, ends_on=obj.ends_on, by=request.user, at=timezone.now())
        else:
            _enter(request, obj, form)

    def log_change(self, request: HttpRequest, obj: RiskArea, message: list[str]) -> None:
        """`end_area` has written it."""

    def response_add(self, request: HttpRequest, obj: RiskArea, post_url_continue: str | None = None) -> HttpResponse:
        return _proposed(self, request)

    @admin.display(description=gettext_lazy("state"))
    def counts(self, area: RiskArea) -> str:
        """That of the batch: only what is in force counts."""
        return area.batch.get_state_display()

    @admin.display(description=gettext_lazy("division"))
    def where(self, area: RiskArea) -> str:
        """The division with its code, and the place inside it if it is not all of it."""
        return f"{divisions.full_name(area.division)} {area.division} {area.place}".strip()


class ColourFilter(FieldFilter):
    title = gettext_lazy("colour")
    parameter = "colour"
    offered = Colour.choices


class ColourDayFilter(DayFilter):
    def between(self, rows: QuerySet, start: datetime, end: datetime) -> QuerySet:
        return rows.filter(at__gte=start, at__lt=end)


@admin.register(ColourChange, site=authority)
class ColourChangeAdmin(AuditedAdmin):
    order = 6
    audits_looks = True
    list_display = ("at", "person", "colour")
    list_filter = (ColourDayFilter, ColourFilter)
    list_select_related = ("person",)
    fields = readonly_fields = ("at", "person", "colour", "shown_reasons")
    ordering = ("-pk",)
    sortable_by = ()
    actions = None
    hashed_search = {
        "name": "person__name_hash",
        "document": "person__document_hash",
        "last_four": "person__document_last_four_hash",
    }
    search_label = gettext_lazy("Full name, document number, or its last four characters")

    def search_hashes(self, typed: str) -> tuple[str, list[str]]:
        return search_hashes(typed)

    @admin.display(description=gettext_lazy("reasons"))
    def shown_reasons(self, change: ColourChange) -> str:
        """In the holder's words, worst first."""
        texts = [text_of(reason_from_json(values)) for values in change.reasons]
        return render_to_string("admin/_reasons.html", {"reasons": texts}) if texts else "—"

    def looked_at(self, change: ColourChange) -> str:
        return f"person:{change.person_id}"
