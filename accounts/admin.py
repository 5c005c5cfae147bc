"""Accounts and the audit on the authority's site: read only, masked."""

from datetime import datetime

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import phones, sealing
from accounts.audited import AuditedAdmin
from accounts.authority import authority, waiting
from accounts.lists import ChoiceFilter, DayFilter
from accounts.models import Account, AuditEntry, IdentifierKind, Officer, identifier_hash
from accounts.wording import VERBS, action_words, subject_words


def for_unsealed_rows(account: Account) -> tuple[str, str] | None:
    """That the audit is not sealed: also where the whole worker stands still, and logs nothing."""
    now, waits = timezone.now(), sealing.backlog()
    if not waits.is_late(now):
        return None
    words = ngettext(
        "The audit is not sealed: %(count)d row has waited for %(age)s. Whoever runs the service has to look.",
        "The audit is not sealed: %(count)d rows wait, the oldest for %(age)s. Whoever runs the service has to look.",
        waits.count,
    )
    words %= {"count": waits.count, "age": timesince(waits.oldest_at, now)}
    return words, reverse("admin:accounts_auditentry_changelist")


waiting.append(for_unsealed_rows)


class OfficerFilter(ChoiceFilter):
    title = _("role")
    parameter = "role"

    def lookups(self):
        return [("officer", _("Officer of the health authority"))]

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(decides=True)


@admin.register(Account, site=authority)
class AccountAdmin(AuditedAdmin):
    order = 7
    audits_looks = True
    list_display = ("__str__", "phones", "state", "created_at")
    sortable_by = ()
    list_filter = (OfficerFilter,)
    fields = readonly_fields = ("phones", "state", "last_login", "created_at")
    ordering = ("-pk",)
    hashed_search = {"phone": "identifiers__hash"}
    search_label = _("Whole phone number")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        decides = Exists(Officer.objects.current().filter(account=OuterRef("pk")))
        return super().get_queryset(request).annotate(decides=decides).prefetch_related("identifiers")

    def search_hashes(self, typed: str) -> tuple[str, list[str]]:
        try:
            return "phone", [identifier_hash(IdentifierKind.PHONE, phones.normalise(typed))]
        except phones.InvalidPhone:
            return "phone", [identifier_hash(IdentifierKind.PHONE, "")]

    @admin.display(description=_("state"))
    def state(self, account: Account) -> str:
        words = [gettext("Active") if account.is_active else gettext("Suspended")]
        if account.decides:
            words.append(gettext("Officer of the health authority"))
        return " · ".join(words)

    @admin.display(description=_("phone number"))
    def phones(self, account: Account) -> str:
        return ", ".join(str(identifier) for identifier in account.identifiers.all()) or "—"


class AuditDayFilter(DayFilter):
    def between(self, rows: QuerySet, start: datetime, end: datetime) -> QuerySet:
        return rows.filter(at__gte=start, at__lt=end)


class VerbFilter(ChoiceFilter):
    title = _("action")
    parameter = "verb"

    def lookups(self):
        return VERBS.items()

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(action__startswith=f"{self.value}-")


@admin.register(AuditEntry, site=authority)
class AuditEntryAdmin(AuditedAdmin):
    order = 8
    shows_subtitle = False
    list_display = ("at", "actor", "shown_action", "shown_subject")
    list_filter = (AuditDayFilter, VerbFilter)
    list_select_related = ("actor",)
    fields = readonly_fields = ("at", "actor", "shown_action", "shown_subject", "detail")
    ordering = ("-pk",)
    sortable_by = ()
    actions = None

    @admin.display(description=_("action"))
    def shown_action(self, entry: AuditEntry) -> str:
        return action_words(entry.action)

    @admin.display(description=_("on"))
    def shown_subject(self, entry: AuditEntry) -> str:
        return subject_words(entry.subject)
