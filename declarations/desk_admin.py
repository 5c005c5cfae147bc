"""Offices and their desk clerks on the authority's site. Here and not in accounts: divisions are known here."""

from datetime import timedelta

from django import forms
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from accounts import audit, desk, limits, office_names, officers, phones
from accounts.audited import AuditedAdmin
from accounts.authority import authority
from accounts.lists import ChoiceFilter
from accounts.models import Account, DeskClerk, IdentifierKind, Office, Officer, identifier_hash
from accounts.purposes import LookReason
from declarations import divisions
from declarations.search import real_name_account

LOOK_UPS = 60  # phone numbers that an officer may try to make clerks of
LOOK_UPS_PER = timedelta(hours=1)


class OfficeForm(forms.ModelForm):
    """Checks the name, which is another office's in no spelling, and the division (GB/T 2260): a county, a prefecture
    or a province.
    """

    def clean_name(self) -> str:
        try:
            name = office_names.clean(self.cleaned_data["name"])
        except office_names.NotShown as error:
            text = _("This holds characters that cannot be shown. Please type it again.")
            raise ValidationError(text) from error
        except office_names.TooLong as error:
            raise ValidationError(_("This name is too long.")) from error
        others = Office.objects.exclude(pk=self.instance.pk).values_list("name", flat=True)
        if office_names.key(name) in map(office_names.key, others):
            raise ValidationError(_("There is an office with this name."))
        return name

    def clean_division(self) -> int:
        division = self.cleaned_data["division"]
        if not divisions.known(division) or division == divisions.ABROAD:
            raise ValidationError(_("There is no division with this code."))
        return division


@admin.register(Office, site=authority)
class OfficeAdmin(AuditedAdmin):
    """Added; later its phone changes, by its own officers if it has any; its name until it has had officers, who are
    known by it. Its division never does: it bounds what its clerks may see.
    """

    order = 6
    can_add = can_change = True
    form = OfficeForm
    list_display = ("name", "place", "phone")
    search_fields = ("name",)
    empty_text = gettext_lazy("Add the community offices that have a desk.")
    ordering = ("name", "pk")
    sortable_by = ()

    def has_change_permission(self, request: HttpRequest, obj: Office | None = None) -> bool:
        """Of an office with officers only to these: people call the number that stands beside its decisions."""
        return super().has_change_permission(request, obj) and (obj is None or _is_theirs(obj, request.user))

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj and not _is_theirs(obj, request.user):
            self.message_user(request, _("Only the officers of this office change its phone number."), messages.INFO)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_fields(self, request: HttpRequest, obj: Office | None = None):
        return ("name", "phone", "place") if obj else ("name", "phone", "division")

    def get_readonly_fields(self, request: HttpRequest, obj: Office | None = None):
        if obj is None:
            return ()
        return ("name", "place") if obj.officers.exists() else ("place",)

    @admin.display(description=gettext_lazy("division"))
    def place(self, office: Office) -> str:
        return f"{divisions.full_name(office.division)} {office.division}"


def _is_theirs(office: Office, officer: Account) -> bool:
    """Whether the officer is of this office, or nobody is."""
    return officers.office_of(officer) == office or not Officer.objects.approved().filter(office=office).exists()


class CurrentFilter(ChoiceFilter):
    title = gettext_lazy("state")
    parameter = "state"

    def lookups(self):
        return [("current", _("Current")), ("ended", _("Ended"))]

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(ended_at__isnull=self.value == "current")


class RoleForm(forms.ModelForm):
    """Names an account by its phone number. `by` is who looks it up; `miss` the audit's word for a number of nobody."""

    phone = forms.CharField(label=gettext_lazy("Phone number"), max_length=30, strip=True)
    by: Account
    miss = ""

    def clean(self) -> dict:
        data = super().clean()
        if not self.errors:
            self.instance.account = self._account(data["phone"], data["office"])
        return data

    def _account(self, phone: str, office: Office) -> Account:
        now = timezone.now()
        try:
            limits.take("desk-clerk", str(self.by.pk), limit=LOOK_UPS, per=LOOK_UPS_PER, at=now)
            number = phones.normalise(phone)
        except phones.InvalidPhone as error:
            raise ValidationError({"phone": str(error)}) from error
        except limits.LimitReached as error:
            raise ValidationError({"phone": _("Too many numbers were tried. Please try again later.")}) from error
        account = real_name_account(number)
        if account is None:
            subject, hashed = f"office:{office.pk}", identifier_hash(IdentifierKind.PHONE, number)
            audit.record(by=self.by, action=self.miss, subject=subject, at=now, identifier=hashed)
            raise ValidationError(
                {
                    "phone": _(
                        "No real-name user has this phone number. The person signs in to the health pass with it, "
                        "declares, and has the identity confirmed; then you can add them."
                    )
                }
            )
        return account


class ClerkForm(RoleForm):
    """Who works at a desk already, or decides for an office, cannot be added."""

    miss = "miss-deskclerk"

    def clean(self) -> dict:
        data = super().clean()
        if not self.errors and self.instance.account.desk_roles.current().exists():
            raise ValidationError({"phone": _("This person works at a desk already. End that role first.")})
        if not self.errors and self.instance.account.officer_roles.open().exists():
            raise ValidationError({"phone": _("An officer of the authority cannot work at a desk too.")})
        return data


@admin.register(DeskClerk, site=authority)
class DeskClerkAdmin(AuditedAdmin):
    """Added by phone number, shown masked, ended; an ended role stays on the list."""

    order = 6
    can_add = True
    audits_looks = True
    look_reason = LookReason.ROLE
    shows_subtitle = False
    list_display = ("full_name", "phone", "office", "state", "created_at")
    list_filter = (CurrentFilter,)
    list_select_related = ("account__person", "office")
    ordering = (F("ended_at").desc(nulls_first=True), "-created_at")
    sortable_by = ()
    actions = ("end_selected",)
    autocomplete_fields = ("office",)
    change_form_template = "admin/member.html"
    shown = ("full_name", "phone", "office", "created_at", "added_by", "state")
    explanation = gettext_lazy(
        "A desk clerk must have a real-name health pass. They enter the desk when they also have a password and a "
        "second factor."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        return rows.select_related(*self.list_select_related).prefetch_related("account__identifiers")

    def get_form(self, request: HttpRequest, obj: DeskClerk | None = None, change: bool = False, **kwargs):
        if obj is None:
            kwargs["form"] = type("AddForm", (ClerkForm,), {"by": request.user})
        return super().get_form(request, obj, change, **kwargs)

    def changeform_view(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        """Django's. Whoever has been added meanwhile is found by the form when it is checked anew, and said so."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (desk.HasDesk, desk.IsOfficer):
            return super().changeform_view(request, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: DeskClerk | None = None):
        if obj is None:
            return [(None, {"fields": ("office", "phone"), "description": self.explanation})]
        return [(None, {"fields": self.shown})]

    def get_readonly_fields(self, request: HttpRequest, obj: DeskClerk | None = None):
        return self.shown if obj else ()

    def looked_at(self, clerk: DeskClerk) -> str:
        return f"account:{clerk.account_id}"

    @admin.display(description=gettext_lazy("full name"))
    def full_name(self, clerk: DeskClerk) -> str:
        holder = getattr(clerk.account, "person", None)
        return holder.masked_name if holder else "—"

    @admin.display(description=gettext_lazy("phone number"))
    def phone(self, clerk: DeskClerk) -> str:
        return ", ".join(str(identifier) for identifier in clerk.account.identifiers.all()) or "—"

    @admin.display(description=gettext_lazy("state"))
    def state(self, clerk: DeskClerk) -> str:
        if clerk.ended_at is None:
            return _("Current")
        return _("Ended on %(day)s") % {"day": f"{timezone.localtime(clerk.ended_at):%Y-%m-%d}"}

    def save_model(self, request: HttpRequest, obj: DeskClerk, form: ClerkForm, change: bool) -> None:
        obj.pk = desk.add_clerk(account=obj.account, office=obj.office, by=request.user, at=timezone.now()).pk

    def log_addition(self, request: HttpRequest, obj: DeskClerk, message: list[str]) -> None:
        """The action has written its audit row."""

    def response_add(self, request: HttpRequest, obj: DeskClerk, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, _("Added: %(name)s") % {"name": self.full_name(obj)}, messages.SUCCESS)
        return HttpResponseRedirect(request.path if "_addanother" in request.POST else self.list_url())

    @admin.action(description=gettext_lazy("End the role of the selected people"))
    def end_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._end(request, queryset)

    def extra_urls(self, name: str) -> list:
        view = self.admin_site.admin_view(require_POST(self.end_view))
        return [path("<int:object_id>/end/", view, name=f"{name}_end")]

    def end_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ends one role."""
        clerk = self.get_object(request, str(object_id))
        self._end(request, self.get_queryset(request).filter(pk=clerk.pk))
        return HttpResponseRedirect(self.list_url())

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj and obj.ended_at is None:
            context["end_url"] = self._url("end", obj.pk)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _end(self, request: HttpRequest, clerks: QuerySet) -> None:
        now = timezone.now()
        current = list(clerks.filter(ended_at=None))
        for clerk in current:
            desk.end_clerk(clerk=clerk, by=request.user, at=now)
        self.message_user(
            request,
            ngettext("%(count)d role ended.", "%(count)d roles ended.", len(current)) % {"count": len(current)},
            messages.SUCCESS if current else messages.WARNING,
        )
