"""Officers on the authority's site: proposed by one, approved by one of another office; ended by one's own or two."""

from functools import partial

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from accounts import officers
from accounts.audited import AuditedAdmin
from accounts.authority import authority, waiting
from accounts.lists import ChoiceFilter
from accounts.models import Account, Officer
from accounts.purposes import LookReason
from declarations.desk_admin import RoleForm

MOST_WAITING = 50  # proposals looked through for the first page


def for_second_office(account: Account) -> tuple[str, str] | None:
    """How many proposed officers this one could agree to, and where they are."""
    proposed = Officer.objects.open().filter(approved_at=None).order_by("pk")[:MOST_WAITING]
    count = sum(officers.may_approve(officer, account) for officer in proposed)
    if not count:
        return None
    words = ngettext(
        "%(count)d proposed officer waits for your agreement",
        "%(count)d proposed officers wait for your agreement",
        count,
    )
    return words % {"count": count}, reverse("admin:accounts_officer_changelist") + "?state=waiting"


waiting.append(for_second_office)


class OfficerStateFilter(ChoiceFilter):
    title = gettext_lazy("state")
    parameter = "state"

    def lookups(self):
        return [("waiting", _("Waits for another office")), ("current", _("Current")), ("ended", _("Ended"))]

    def chosen(self, rows: QuerySet) -> QuerySet:
        if self.value == "ended":
            return rows.filter(ended_at__isnull=False)
        return rows.filter(ended_at=None, approved_at__isnull=self.value == "waiting")


class OfficerForm(RoleForm):
    """Names an account by its phone number."""

    miss = "miss-officer"

    def clean(self) -> dict:
        data = super().clean()
        if not self.errors:
            if self.instance.account == self.by:
                raise ValidationError({"phone": _("Nobody proposes themselves.")})
            if self.instance.account.officer_roles.open().exists():
                raise ValidationError({"phone": _("This person is an officer already, or proposed as one.")})
            if self.instance.account.desk_roles.current().exists():
                raise ValidationError({"phone": _("This person works at a desk. End that role first.")})
        return data


@admin.register(Officer, site=authority)
class OfficerAdmin(AuditedAdmin):
    """Proposed by phone number, shown masked, approved, ended; an ended role stays on the list."""

    order = 6.5
    can_add = True
    audits_looks = True
    look_reason = LookReason.ROLE
    shows_subtitle = False
    list_display = ("full_name", "phone", "office", "state", "created_at")
    list_filter = (OfficerStateFilter,)
    list_select_related = ("account__person", "office")
    ordering = (F("ended_at").desc(nulls_first=True), F("approved_at").desc(nulls_first=True), "-pk")
    sortable_by = ()
    actions = None
    autocomplete_fields = ("office",)
    change_form_template = "admin/officer.html"
    shown = (
        "full_name",
        "phone",
        "office",
        "state",
        "created_at",
        "added_by",
        "approved_at",
        "approved_by",
        "end_asked_by",
        "ended_at",
    )
    explanation = gettext_lazy(
        "A proposal. The person becomes an officer when an officer of another office than yours agrees, and enters "
        "with a password and a second factor that they make within a week."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        rows = super().get_queryset(request)
        return rows.select_related(*self.list_select_related).prefetch_related("account__identifiers")

    def get_form(self, request: HttpRequest, obj: Officer | None = None, change: bool = False, **kwargs):
        if obj is None:
            kwargs["form"] = type("AddForm", (OfficerForm,), {"by": request.user})
        return super().get_form(request, obj, change, **kwargs)

    def changeform_view(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        """Django's. Who was proposed meanwhile is found by the form when it is checked anew, and said so."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (officers.HasOffice, officers.WorksAtDesk):
            return super().changeform_view(request, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Officer | None = None):
        if obj is None:
            return [(None, {"fields": ("office", "phone"), "description": self.explanation})]
        return [(None, {"fields": self.shown})]

    def get_readonly_fields(self, request: HttpRequest, obj: Officer | None = None):
        return self.shown if obj else ()

    def looked_at(self, officer: Officer) -> str:
        return f"account:{officer.account_id}"

    @admin.display(description=gettext_lazy("full name"))
    def full_name(self, officer: Officer) -> str:
        holder = getattr(officer.account, "person", None)
        return holder.masked_name if holder else "—"

    @admin.display(description=gettext_lazy("phone number"))
    def phone(self, officer: Officer) -> str:
        return ", ".join(str(identifier) for identifier in officer.account.identifiers.all()) or "—"

    @admin.display(description=gettext_lazy("state"))
    def state(self, officer: Officer) -> str:
        if officer.ended_at:
            return _("Ended on %(day)s") % {"day": f"{timezone.localtime(officer.ended_at):%Y-%m-%d}"}
        return _("Current") if officer.approved_at else _("Waits for another office")

    def save_model(self, request: HttpRequest, obj: Officer, form: OfficerForm, change: bool) -> None:
        made = officers.add_officer(account=obj.account, office=obj.office, by=request.user, at=timezone.now())
        obj.pk = made.pk

    def log_addition(self, request: HttpRequest, obj: Officer, message: list[str]) -> None:
        """The action has written its audit row."""

    def response_add(self, request: HttpRequest, obj: Officer, post_url_continue: str | None = None) -> HttpResponse:
        said = _("Proposed: %(name)s. An officer of another office has to agree.")
        self.message_user(request, said % {"name": self.full_name(obj)}, messages.SUCCESS)
        return HttpResponseRedirect(request.path if "_addanother" in request.POST else self.list_url())

    def extra_urls(self, name: str) -> list:
        decisions = {"approve": officers.approve_officer, "end": officers.end_officer}
        return [
            path(
                f"<int:object_id>/{verb}/",
                self.admin_site.admin_view(require_POST(partial(self.decide_view, decide=decide))),
                name=f"{name}_{verb}",
            )
            for verb, decide in decisions.items()
        ]

    def decide_view(self, request: HttpRequest, object_id: int, decide) -> HttpResponse:
        """Approves or ends one role."""
        officer = self.get_object(request, str(object_id))
        try:
            done = decide(officer=officer, by=request.user, at=timezone.now())
        except officers.LastOffices:
            said = _("Fewer than two offices would have officers then. Propose another officer first.")
            self.message_user(request, said, messages.ERROR)
        except officers.NotYours:
            self.message_user(request, _("An officer of another office has to agree."), messages.ERROR)
        except officers.Lapsed:
            said = _("Who proposed this has been suspended. End it, and propose it anew.")
            self.message_user(request, said, messages.ERROR)
        except officers.NotProposed:
            self.message_user(request, _("This was decided before."), messages.WARNING)
        else:
            asked = _("Asked for. The role ends when an officer of a further office asks for it too.")
            self.message_user(request, asked if done is False else _("Done."), messages.SUCCESS)
        return HttpResponseRedirect(self.list_url())

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj and obj.ended_at is None:
            context["waits"] = obj.approved_at is None
            context["takes_two"] = obj.approved_at and obj.office != officers.office_of(request.user)
            for verb in ["end", *(["approve"] if officers.may_approve(obj, request.user) else [])]:
                url = self._url(verb, obj.pk)
                context[f"{verb}_url"] = url
        return super().render_change_form(request, context, add, change, form_url, obj)
