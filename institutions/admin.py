"""Entrances and scanners on the institution's console; institutions and their admins on the authority's site."""

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
from stdnum.cn import uscc

from accounts import audit, limits, phones
from accounts.audited import AuditedAdmin
from accounts.authority import authority
from accounts.lists import ChoiceFilter
from accounts.models import Account, IdentifierKind, identifier_hash
from accounts.purposes import LookReason
from declarations import divisions
from declarations.search import real_name_account
from institutions import actions
from institutions.console import Panel, ScopedAdmin, console
from institutions.models import Administrator, Entrance, Institution, Membership, Scanner

LOOK_UPS = 60  # phone numbers that an account may try to make members of
LOOK_UPS_PER = timedelta(hours=1)


class InUseFilter(ChoiceFilter):
    title = gettext_lazy("in use")
    parameter = "in_use"

    def lookups(self):
        return [("yes", _("In use")), ("no", _("Out of use"))]

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(is_active=self.value == "yes")


@admin.register(Entrance, site=console)
class EntranceAdmin(ScopedAdmin):
    """Added, renamed, taken out of use; never deleted: scans name them."""

    order = 2
    can_add = can_change = True
    empty_text = gettext_lazy("Add the doors where codes are scanned.")
    list_display = ("name", "state")
    list_filter = (InUseFilter,)
    fields = ("institution", "name", "is_active")
    ordering = ("-is_active", "name")
    sortable_by = ()

    @admin.display(description=gettext_lazy("state"))
    def state(self, entrance: Entrance) -> str:
        return _("In use") if entrance.is_active else _("Out of use")

    def panel(self, request: HttpRequest) -> Panel:
        return Panel("console/_entrances.html", {"entrances": self.get_queryset(request).order_by(*self.ordering)})


class CurrentFilter(ChoiceFilter):
    title = gettext_lazy("state")
    parameter = "state"

    def lookups(self):
        return [("current", _("Current")), ("ended", _("Ended"))]

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(ended_at__isnull=self.value == "current")


class MemberForm(forms.ModelForm):
    """Names an account by its phone number. The form's `by` is who looks it up."""

    phone = forms.CharField(label=gettext_lazy("Phone number"), max_length=30, strip=True)
    by: Account

    def clean(self) -> dict:
        data = super().clean()
        if self.errors:
            return data
        self.instance.role = self._meta.model.ROLE
        self.instance.account = self._account(data["phone"], data["institution"])
        if (
            self._meta.model.objects.current()
            .filter(institution=data["institution"], account=self.instance.account, person=self.instance.account.person)
            .exists()
        ):
            raise ValidationError({"phone": _("This person is on the list already.")})
        return data

    def _account(self, phone: str, institution: Institution) -> Account:
        now = timezone.now()
        try:
            limits.take("member", str(self.by.pk), limit=LOOK_UPS, per=LOOK_UPS_PER, at=now)
            number = phones.normalise(phone)
            account = real_name_account(number)
        except phones.InvalidPhone as error:
            raise ValidationError({"phone": str(error)}) from error
        except limits.LimitReached as error:
            raise ValidationError({"phone": _("Too many numbers were tried. Please try again later.")}) from error
        if account is None:
            audit.record(
                by=self.by,
                action=f"miss-{self._meta.model.ROLE}",
                subject=f"institution:{institution.pk}",
                at=now,
                identifier=identifier_hash(IdentifierKind.PHONE, number),
            )
            raise ValidationError(
                {
                    "phone": _(
                        "No real-name user has this phone number. The person signs in to the health pass with it, "
                        "declares, and has the identity confirmed; then you can add them."
                    )
                }
            )
        return account


class MemberAdmin(AuditedAdmin):
    """Members of a role: added by phone number, shown masked, ended; an ended membership stays on the list."""

    can_add = True
    actions = ("end_selected",)
    list_filter = (CurrentFilter,)
    list_select_related = ("account__person", "person")
    ordering = (F("ended_at").desc(nulls_first=True), "-created_at")
    add_form = MemberForm
    change_form_template = "admin/member.html"
    shows_subtitle = False
    sortable_by = ()
    explanation = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        return rows.select_related(*self.list_select_related).prefetch_related("account__identifiers")

    def get_form(self, request: HttpRequest, obj: Membership | None = None, change: bool = False, **kwargs):
        if obj is None:
            kwargs["form"] = type("AddForm", (self.add_form,), {"by": request.user})
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Membership | None = None):
        if obj is None:
            return [(None, {"fields": ("institution", "phone"), "description": self.explanation})]
        return [(None, {"fields": ("full_name", "phone", "institution", "created_at", "state")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None):
        return ("full_name", "phone", "institution", "created_at", "state") if obj else ()

    @admin.display(description=gettext_lazy("full name"))
    def full_name(self, member: Membership) -> str:
        holder = member.person or getattr(member.account, "person", None)
        return holder.masked_name if holder else "—"

    @admin.display(description=gettext_lazy("phone number"))
    def phone(self, member: Membership) -> str:
        return ", ".join(str(identifier) for identifier in member.account.identifiers.all()) or "—"

    @admin.display(description=gettext_lazy("state"))
    def state(self, member: Membership) -> str:
        if member.ended_at is None:
            return _("Current") if member.counts else _("Without effect: the person has left this account")
        return _("Ended on %(day)s") % {"day": f"{timezone.localtime(member.ended_at):%Y-%m-%d}"}

    def save_model(self, request: HttpRequest, obj: Membership, form: MemberForm, change: bool) -> None:
        member = actions.add_member(
            institution=obj.institution, account=obj.account, role=obj.role, by=request.user, at=timezone.now()
        )
        obj.pk, obj.person = member.pk, member.person

    def log_addition(self, request: HttpRequest, obj: Membership, message: list[str]) -> None:
        """The action has written its audit row."""

    def response_add(self, request: HttpRequest, obj: Membership, post_url_continue: str | None = None) -> HttpResponse:
        self.message_user(request, _("Added: %(name)s") % {"name": self.full_name(obj)}, messages.SUCCESS)
        again = "_addanother" in request.POST
        return HttpResponseRedirect(request.path if again else self.list_url())

    @admin.action(description=gettext_lazy("End the role of the selected people"))
    def end_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._end(request, queryset)

    def extra_urls(self, name: str) -> list:
        view = self.admin_site.admin_view(require_POST(self.end_view))
        return [path("<int:object_id>/end/", view, name=f"{name}_end")]

    def end_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ends one membership."""
        member = self.get_object(request, str(object_id))
        self._end(request, self.get_queryset(request).filter(pk=member.pk))
        return HttpResponseRedirect(self.list_url())

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj and obj.ended_at is None:
            context["end_url"] = self._url("end", obj.pk)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _end(self, request: HttpRequest, members: QuerySet) -> None:
        now = timezone.now()
        current = list(members.current())
        for member in current:
            actions.end_member(member=member, by=request.user, at=now)
        self.message_user(
            request,
            ngettext("%(count)d role ended.", "%(count)d roles ended.", len(current)) % {"count": len(current)},
            messages.SUCCESS if current else messages.WARNING,
        )


@admin.register(Scanner, site=console)
class ScannerAdmin(MemberAdmin, ScopedAdmin):
    order = 3
    empty_text = gettext_lazy("Add the people who scan for you by their phone numbers.")
    list_display = ("full_name", "phone", "state", "created_at")
    explanation = gettext_lazy(
        "A scanner must have a real-name health pass: the person signs in with their phone number, declares, and the "
        "identity is confirmed. Then add them here by that number."
    )

    def panel(self, request: HttpRequest) -> Panel:
        current = self.get_queryset(request).current().order_by("-created_at")
        return Panel(
            "console/_scanners.html", {"scanners": [(self.full_name(m), self.phone(m), m.pk) for m in current]}
        )


class ActiveFilter(InUseFilter):
    title = gettext_lazy("state")
    parameter = "active"

    def lookups(self):
        return [("yes", _("Active")), ("no", _("Suspended"))]


class InstitutionForm(forms.ModelForm):
    """Checks the credit code (GB 32100) and the division (GB/T 2260)."""

    def clean_credit_code(self) -> str:
        code = uscc.compact(self.cleaned_data["credit_code"]).upper()
        if not uscc.is_valid(code):
            raise ValidationError(_("This is not a unified social credit code: a digit or letter must be wrong."))
        return code

    def clean_division(self) -> int:
        division = self.cleaned_data["division"]
        if not divisions.is_choice(division):
            raise ValidationError(_("There is no county with this code."))
        return division


@admin.register(Institution, site=authority)
class InstitutionAdmin(AuditedAdmin):
    """Added, edited, suspended: an inactive institution's console is closed and its scanners record nothing."""

    order = 5
    can_add = can_change = True
    form = InstitutionForm
    list_display = ("name", "credit_code", "kind", "division_name", "state")
    list_filter = (ActiveFilter,)
    search_fields = ("name", "=credit_code")
    fields = ("name", "credit_code", "kind", "division", "address", "is_active")
    ordering = ("name",)

    @admin.display(description=gettext_lazy("state"))
    def state(self, institution: Institution) -> str:
        return _("Active") if institution.is_active else _("Suspended")

    @admin.display(description=gettext_lazy("division"))
    def division_name(self, institution: Institution) -> str:
        return divisions.full_name(institution.division)


@admin.register(Administrator, site=authority)
class AdministratorAdmin(MemberAdmin):
    order = 6
    list_display = ("full_name", "phone", "institution", "state", "created_at")
    list_select_related = ("account__person", "person", "institution")
    autocomplete_fields = ("institution",)
    audits_looks = True
    look_reason = LookReason.ROLE
    explanation = gettext_lazy(
        "An institution's admin must have a real-name health pass. They enter the console when they also have a "
        "password and a second factor."
    )

    def looked_at(self, member: Administrator) -> str:
        return f"account:{member.account_id}"
