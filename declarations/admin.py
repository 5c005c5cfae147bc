"""People and their declarations on the authority's site: read only, masked, every look written down."""

from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.audited import AuditedAdmin
from accounts.authority import authority
from accounts.lists import ChoiceFilter, DayFilter, FieldFilter
from declarations import divisions
from declarations.models import Assurance, Declaration, Person
from declarations.search import search_hashes
from healthpass.lib.masks import mask_phone


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

    def search_hashes(self, typed: str) -> tuple[str, list[str]]:
        return search_hashes(typed)

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
