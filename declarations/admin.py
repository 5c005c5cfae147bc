"""People, their declarations and who acts for them, on the authority's site: masked, every look written down."""

from datetime import datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts.audited import AuditedAdmin
from accounts.authority import authority
from accounts.limits import LimitReached
from accounts.lists import ChoiceFilter, DayFilter, FieldFilter
from accounts.purposes import LookReason
from declarations import desk_admin, divisions, officer_admin, proxies
from declarations.document_looks import view_document
from declarations.forms import DocumentLookForm
from declarations.models import Assurance, Declaration, Person, Proxy
from declarations.search import search_hashes
from healthpass.lib.masks import mask_phone

__all__ = ["desk_admin", "officer_admin"]  # which register offices, desks and officers


class AssuranceFilter(FieldFilter):
    title = _("assurance")
    parameter = "assurance"
    offered = Assurance.choices


class DeskFilter(ChoiceFilter):
    title = _("to be settled at a desk")
    parameter = "desk"

    def lookups(self):
        return [("yes", _("Yes"))]

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(needs_desk=True)


@admin.register(Person, site=authority)
class PersonAdmin(AuditedAdmin):
    order = 3
    audits_looks = True
    list_display = ("masked_name", "masked_document", "document_kind", "assurance", "desk", "created_at")
    list_filter = (AssuranceFilter, DeskFilter)
    fields = readonly_fields = (
        "masked_name",
        "document_kind",
        "masked_document",
        "sex",
        "birth_year",
        "assurance",
        "needs_desk",
        "holder",
        "created_at",
    )
    ordering = ("-pk",)
    sortable_by = ()
    hashed_search = {"name": "name_hash", "document": "document_hash", "last_four": "document_last_four_hash"}
    search_label = _("Full name, document number, or its last four characters")
    change_form_template = "admin/person.html"

    def search_hashes(self, typed: str) -> tuple[str, list[str]]:
        return search_hashes(typed)

    def extra_urls(self, name: str) -> list:
        view = self.admin_site.admin_view(self.document_view)
        return [path("<int:object_id>/document/", view, name=f"{name}_document")]

    def document_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The whole document number, once, after a reason; each time is an audit row."""
        person = self.get_object(request, str(object_id))
        form = DocumentLookForm(request.POST or None)
        number = None
        if form.is_valid():
            try:
                reason = LookReason(form.cleaned_data["reason"])
                number = view_document(person=person, reason=reason, by=request.user, at=timezone.now())
            except LimitReached:
                form.add_error(None, gettext("You have looked at many numbers in this hour. Please go on in the next."))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Whole document number"),
            "subtitle": person.masked_name,
            "opts": self.opts,
            "original": person,
            "form": form,
            "number": number,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/document.html", context)

    @admin.display(description=_("full name"))
    def masked_name(self, person: Person) -> str:
        return person.masked_name

    @admin.display(description=_("document number"))
    def masked_document(self, person: Person) -> str:
        return person.masked_document

    @admin.display(description=_("state"), empty_value="")
    def desk(self, person: Person) -> str:
        return gettext("To be settled at a desk") if person.needs_desk else ""

    @admin.display(description=_("year of birth"))
    def birth_year(self, person: Person) -> str:
        return str(person.born_on.year)


class DeclarationDayFilter(DayFilter):
    def between(self, rows: QuerySet, start: datetime, end: datetime) -> QuerySet:
        return rows.filter(made_at__gte=start, made_at__lt=end)


class SymptomsFilter(ChoiceFilter):
    title = _("symptoms")
    parameter = "symptom"

    SYMPTOMS = (("fever", _("37.3 °C or more")), ("dry_cough", _("dry cough")), ("fatigue", _("fatigue")))

    def lookups(self):
        return self.SYMPTOMS

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(**{self.value: True})


@admin.register(Declaration, site=authority)
class DeclarationAdmin(AuditedAdmin):
    order = 4
    audits_looks = True
    list_display = ("made_at", "person", "residence", "symptoms")
    list_filter = (DeclarationDayFilter, SymptomsFilter)
    list_select_related = ("person",)
    fields = readonly_fields = (
        "made_at",
        "person",
        "account",
        "masked_phone",
        "residence",
        "fever",
        "dry_cough",
        "fatigue",
        "other_symptoms",
        "stays",
    )
    ordering = ("-made_at",)
    sortable_by = ()
    hashed_search = {
        "name": "person__name_hash",
        "document": "person__document_hash",
        "last_four": "person__document_last_four_hash",
    }
    search_label = PersonAdmin.search_label

    def search_hashes(self, typed: str) -> tuple[str, list[str]]:
        return search_hashes(typed)

    def looked_at(self, declaration: Declaration) -> str:
        return f"person:{declaration.person_id}"

    @admin.display(description=_("symptoms"))
    def symptoms(self, declaration: Declaration) -> str:
        declared = [label for name, label in SymptomsFilter.SYMPTOMS if getattr(declaration, name)]
        return " · ".join(str(label) for label in declared) or "—"

    @admin.display(description=_("phone number"))
    def masked_phone(self, declaration: Declaration) -> str:
        return mask_phone(declaration.phone)

    @admin.display(description=_("division of residence"))
    def residence(self, declaration: Declaration) -> str:
        return divisions.full_name(declaration.division)

    @admin.display(description=_("travel and contacts"))
    def stays(self, declaration: Declaration) -> str | SafeString:
        stays = declaration.stays.order_by("from_on", "pk")
        lines = [(s.get_kind_display(), divisions.full_name(s.division), s.from_on, s.to_on) for s in stays]
        return format_html_join("\n", "<p>{} {} {} – {}</p>", lines) or "—"


class ProxyFilter(ChoiceFilter):
    title = _("state")
    parameter = "state"

    def lookups(self):
        return [
            ("waits", _("Waits for consent")),
            ("acting", _("Acting")),
            ("claim", _("Identity not checked")),
            ("ended", _("Ended")),
        ]

    def chosen(self, rows: QuerySet) -> QuerySet:
        if self.value == "acting":
            return rows.acting()
        if self.value == "ended":
            return rows.exclude(ended_at=None)
        unconfirmed = rows.current().filter(confirmed_at=None)
        return (
            unconfirmed.filter(person__assurance__gt=Assurance.DECLARED)
            if self.value == "waits"
            else (unconfirmed.filter(person__assurance=Assurance.DECLARED))
        )


@admin.register(Proxy, site=authority)
class ProxyAdmin(AuditedAdmin):
    """Ended by an officer, and agreed to for a child that has a guardian; an adult's own account agrees itself."""

    order = 4
    audits_looks = True
    shows_subtitle = False
    list_display = ("person", "account", "stated_relation", "state", "created_at")
    list_filter = (ProxyFilter,)
    list_select_related = ("person", "account")
    fields = readonly_fields = (
        "person",
        "account",
        "stated_relation",
        "state",
        "created_at",
        "confirmed_at",
        "confirmed_by",
        "ended_at",
        "ended_by",
    )
    ordering = ("-pk",)
    sortable_by = ()
    actions = None
    change_form_template = "admin/proxy.html"
    hashed_search = {
        "name": "person__name_hash",
        "document": "person__document_hash",
        "last_four": "person__document_last_four_hash",
    }
    search_label = PersonAdmin.search_label

    def search_hashes(self, typed: str) -> tuple[str, list[str]]:
        return search_hashes(typed)

    def looked_at(self, proxy: Proxy) -> str:
        return f"person:{proxy.person_id}"

    @admin.display(description=_("relation"))
    def stated_relation(self, proxy: Proxy) -> str:
        return proxy.neutral_relation

    @admin.display(description=_("state"))
    def state(self, proxy: Proxy) -> str:
        if proxy.ended_at:
            return gettext("Ended")
        if proxy.is_acting:
            return gettext("Acting")
        return gettext("Waits for consent") if proxy.awaits_consent else gettext("Identity not checked")

    def extra_urls(self, name: str) -> list:
        return [
            path(f"<int:object_id>/{verb}/", self.admin_site.admin_view(require_POST(view)), name=f"{name}_{verb}")
            for verb, view in (("agree", self.agree_view), ("end", self.end_view))
        ]

    def agree_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Lets another guardian act for a child."""
        proxy = self.get_object(request, str(object_id))
        if _officer_may_agree(proxy):
            proxies.agree(proxy=proxy, by=request.user, at=timezone.now())
            self.message_user(request, gettext("The relation acts from now on."), messages.SUCCESS)
        else:
            self.message_user(request, gettext("There is nothing to agree to any more."), messages.WARNING)
        return HttpResponseRedirect(self.list_url())

    def end_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ends one relation."""
        proxy = self.get_object(request, str(object_id))
        proxies.end_proxy(proxy=proxy, by=request.user, at=timezone.now())
        self.message_user(request, gettext("The relation has ended."), messages.SUCCESS)
        return HttpResponseRedirect(self.list_url())

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        for verb, applies in (("agree", obj and _officer_may_agree(obj)), ("end", obj and obj.ended_at is None)):
            if applies:
                name = f"admin:{self._name}_{verb}"
                context[f"{verb}_url"] = reverse(name, args=[obj.pk], current_app=self.admin_site.name)
        return super().render_change_form(request, context, add, change, form_url, obj)


def _officer_may_agree(proxy: Proxy) -> bool:
    return proxy.awaits_consent and proxy.person.holder_id is None
