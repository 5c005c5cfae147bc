"""What every page of both staff sites has in common: closed by default, nothing deleted, everything answered for."""

from collections.abc import Iterable
from copy import copy
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin, ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AdminSplitDateTime, RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse, reverse_lazy
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_POST

from accounts import audit, purposes
from accounts.lists import CappedPaginator, FoundFilter
from accounts.models import AuditEntry
from accounts.staff import StaffSite
from accounts.wording import ACTIONS, VERBS

# Of Django's admin, for our catalogue to say otherwise: its Chinese has blanks around names, and takes "log out" for
# closing an account.
RETRANSLATED = (
    gettext_noop("Add %(name)s"),
    gettext_noop("Add %s"),
    gettext_noop("Change %s"),
    gettext_noop("Log out"),
    gettext_noop("View %s"),
    gettext_noop("The {name} “{obj}” was added successfully."),
    gettext_noop("The {name} “{obj}” was added successfully. You may add another {name} below."),
    gettext_noop("The {name} “{obj}” was changed successfully."),
)
HISTORY_LENGTH = 200
LONGEST_TERM = 200


class AuditedSite(StaffSite):
    """A staff site without Django's own log, sidebar and redirects by content type.

    `asks_why`: whoever looks at people has to say why; the page that asks is the subclass's.
    """

    asks_why = False

    index_template = "admin/first_page.html"
    enable_nav_sidebar = False
    final_catch_all_view = False

    def get_urls(self) -> list:
        """Without the redirect to any object's page: it asks no ModelAdmin."""
        return [url for url in super().get_urls() if getattr(url, "name", None) != "view_on_site"]

    def each_context(self, request: HttpRequest) -> dict:
        """Also `sections`: every list of the site, in the order its ModelAdmins ask for."""
        context = super().each_context(request)
        models = [model for app in context["available_apps"] for model in app["models"]]
        models.sort(key=lambda model: self.get_model_admin(model["model"]).order)
        return {**context, "sections": models}

    def get_log_entries(self, request: HttpRequest) -> QuerySet:
        """None: the audit is kept elsewhere."""
        return LogEntry.objects.none()

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict | None = None) -> HttpResponse:
        """Every app's models stand on the first page."""
        return redirect(reverse("admin:index", current_app=self.name))


class AuditedAdmin(ModelAdmin):
    """Shows to whoever may enter the site; adds, changes and ends only where a subclass says so.

    What would go to Django's own log goes to the audit. A page of one person is itself a thing to answer for:
    `audits_looks` writes a row whenever one is opened, with why. Searches look a keyed hash up, are sent as POST so
    that what was typed stands in no address or log, and are written down too.
    """

    order = 100  # of its link among the site's sections
    can_add = False
    can_change = False
    audits_looks = False
    look_reason = ""  # a LookReason, where the work itself says why its pages are opened; else whoever looks is asked
    shows_subtitle = True  # the object's own name under the title of its page
    # What is searched for -> the lookup that its keyed hashes are compared with. Empty: no search.
    hashed_search: dict[str, str] = {}
    search_label = ""
    empty_text = gettext_lazy("Nothing here yet.")  # on a list without rows: what to do about it
    list_filter = ()
    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator

    # Permissions

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.can_add and self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.can_change and self.admin_site.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only what the list's own filters ask for: no field can be probed by writing an address."""
        return any(lookup in filter_class.parameters() for filter_class in self.get_list_filter(request))

    def get_list_filter(self, request: HttpRequest) -> tuple:
        return (*self.list_filter, FoundFilter) if self.hashed_search else self.list_filter

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model:
        """The row, if the queryset of this request has it; otherwise there is no such page."""
        obj = super().get_object(request, object_id, from_field)
        if obj is None:
            raise Http404
        return obj

    # Addresses

    def get_urls(self) -> list:
        """Also the search; and a sign-in page of this site's own for every one of them."""
        name = self._name
        search = self.admin_site.admin_view(require_POST(self.search_view))
        urls = [path("search/", search, name=f"{name}_search"), *self.extra_urls(name), *super().get_urls()]
        for url in urls:
            url.callback.login_url = reverse_lazy("admin:login", current_app=self.admin_site.name)
        return urls

    def extra_urls(self, name: str) -> list:
        """Addresses that a subclass adds, their names beginning with `name`."""
        return []

    def list_url(self) -> str:
        """The address of the list."""
        return self._url("changelist")

    def _url(self, page: str, *args) -> str:
        """The address of one of its pages, or of one that a subclass adds."""
        return reverse(f"admin:{self._name}_{page}", args=args, current_app=self.admin_site.name)

    def page_again(self, request: HttpRequest, obj: Model, **context) -> HttpResponse:
        """The object's page as a GET shows it, with a form that was sent in vain: a look written down like others."""
        look = copy(request)
        look.method = "GET"
        return self.changeform_view(look, str(obj.pk), extra_context=context)

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs):
        """Without the pop-ups that add and edit the other end of a foreign key; with a name for each half of a time."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, AdminSplitDateTime):
            for part, label in zip(field.widget.widgets, (_("Date"), _("Time")), strict=True):
                part.attrs["aria-label"] = f"{capfirst(field.label)} · {label}"
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    # Searching

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Django's, for terms that every database takes: without NUL, and of few words."""
        return super().get_search_results(request, queryset, search_term.replace("\0", "")[:LONGEST_TERM])

    def search_hashes(self, typed: str) -> tuple[str, Iterable[str]]:
        """Which entry of `hashed_search` the text is for, and the hashes it can stand for."""
        raise NotImplementedError

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """Turns what was typed into keyed hashes and leads to the list of those, which writes the audit row."""
        if not self.hashed_search:
            raise Http404
        target = self.list_url()
        typed = request.POST.get("who", "").strip()[:200]
        if not typed:
            return HttpResponseRedirect(target)
        kind, hashes = self.search_hashes(typed)
        found = FoundFilter.value_of(request, self, kind, sorted(set(hashes)))
        return HttpResponseRedirect(f"{target}?{urlencode({'found': found})}")

    # Audit

    @property
    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    @property
    def _subject_name(self) -> str:
        return self.opts.concrete_model._meta.model_name

    def subject_of(self, obj: Model) -> str:
        """What audit rows about this object are kept under: `person:12`."""
        return f"{self._subject_name}:{obj.pk}"

    def looked_at(self, obj: Model) -> str:
        """Whom a look at this object is a look at."""
        return self.subject_of(obj)

    def record(self, request: HttpRequest, verb: str, obj: Model, **detail) -> AuditEntry:
        """An audit row of what this account did with the object."""
        return audit.record(
            by=request.user,
            action=f"{verb}-{self._subject_name}",
            subject=self.subject_of(obj),
            at=timezone.now(),
            **detail,
        )

    def construct_change_message(self, request, form, formsets, add=False) -> list[str]:
        """The names of the fields that changed, never their values."""
        return form.changed_data

    def log_addition(self, request: HttpRequest, obj: Model, message: list[str]) -> AuditEntry:
        return self.record(request, "add", obj)

    def log_change(self, request: HttpRequest, obj: Model, message: list[str]) -> AuditEntry:
        return self.record(request, "change", obj, fields=message)

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if change and self.audits_looks:
            self._record_look(request, obj)
        context["show_save_and_continue"] = False
        if not self.shows_subtitle:
            context["subtitle"] = None
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _why(self, request: HttpRequest) -> str:
        """Why this account looks; "" if that is not known."""
        return self.look_reason or purposes.current(request, timezone.now())

    def _reason(self, request: HttpRequest) -> dict[str, str]:
        """The same as an audit row keeps it, where this site asks for it."""
        return {"reason": self._why(request)} if self.audits_looks and self.admin_site.asks_why else {}

    def _must_ask_why(self, request: HttpRequest) -> bool:
        asks = self.audits_looks and self.admin_site.asks_why and request.method in ("GET", "HEAD")
        return asks and not self._why(request)

    def _ask_why(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(purposes.address(self.admin_site.name, request.get_full_path()))

    def changeform_view(self, request: HttpRequest, object_id=None, form_url="", extra_context=None) -> HttpResponse:
        """Of a person only with a reason."""
        if object_id and self._must_ask_why(request):
            return self._ask_why(request)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _record_look(self, request: HttpRequest, obj: Model) -> None:
        audit.record(
            by=request.user,
            action=f"view-{self._subject_name}",
            subject=self.looked_at(obj),
            at=timezone.now(),
            page=self.subject_of(obj),
            **self._reason(request),
        )

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        """What the audit has about this object, newest first."""
        if self._must_ask_why(request):
            return self._ask_why(request)
        obj = self.get_object(request, unquote(object_id))
        if self.audits_looks:
            self._record_look(request, obj)
        rows = AuditEntry.objects.filter(subject=self.subject_of(obj)).prefetch_related("actor__identifiers")
        entries = list(rows.order_by("-at", "-pk")[:HISTORY_LENGTH])
        for entry in entries:
            verb = VERBS.get(entry.action.partition("-")[0], entry.action)
            entry.said = ACTIONS.get(entry.action, verb)
        context = {
            **self.admin_site.each_context(request),
            "title": _("History"),
            "entries": entries,
            "object": obj,
            "module_name": capfirst(self.opts.verbose_name_plural),
            "opts": self.opts,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/object_history.html", context)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Also what the page says of its filters: an empty choice is none."""
        changelist = super().get_changelist_instance(request)
        active = [spec for spec in changelist.filter_specs if any(spec.used_parameters.values())]
        changelist.has_active_filters = bool(active)
        changelist.found = next((spec for spec in active if isinstance(spec, FoundFilter)), None)
        changelist.has_filter_problem = any(spec.problem for spec in active if spec is not changelist.found)
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        if ACTION_CHECKBOX_NAME in request.POST:
            self._drop_malformed_keys(request)
        if request.GET.get("found") and self._must_ask_why(request):
            return self._ask_why(request)
        title = capfirst(self.opts.verbose_name_plural)
        response = super().changelist_view(
            request,
            {
                "title": title,
                "search_label": self.search_label,
                "empty_text": self.empty_text,
                **(extra_context or {}),
            },
        )
        changelist = getattr(response, "context_data", {}).get("cl")
        if changelist and changelist.found and changelist.found.kind:
            self._record_search(request, changelist)
        elif changelist and self.audits_looks and self.admin_site.asks_why:
            self._record_browsing(request, changelist)
        return response

    def _record_browsing(self, request: HttpRequest, changelist: ChangeList) -> None:
        """Whom a list has shown, masked, to somebody who searched for nobody."""
        name, shown = self._subject_name, [str(row.pk) for row in changelist.result_list]
        audit.record(by=request.user, action=f"browse-{name}", subject=name, at=timezone.now(), shown=shown)

    @transaction.atomic
    def _record_search(self, request: HttpRequest, changelist: ChangeList) -> None:
        """What was searched for, and why, and a row for each person found, who may read that they were."""
        now, reason = timezone.now(), self._reason(request)
        audit.record(
            by=request.user,
            action=f"search-{self._subject_name}",
            subject=self._subject_name,
            at=now,
            kind=changelist.found.kind,
            found=[str(row.pk) for row in changelist.result_list],
            **reason,
        )
        if self.audits_looks:
            people = sorted(self.people_found(changelist))
            audit.record_each(by=request.user, action=f"find-{self._subject_name}", subjects=people, at=now, **reason)

    def people_found(self, changelist: ChangeList) -> set[str]:
        """Whom a search has found, as `looked_at` names them."""
        return {self.looked_at(row) for row in changelist.result_list}

    def _drop_malformed_keys(self, request: HttpRequest) -> None:
        """Selected rows are looked up by what the primary key can be: the database fails on other values."""
        keys = request.POST.getlist(ACTION_CHECKBOX_NAME)
        request.POST = request.POST.copy()
        request.POST.setlist(ACTION_CHECKBOX_NAME, [key for key in keys if self._can_be_key(key)])

    def _can_be_key(self, value: str) -> bool:
        try:
            self.opts.pk.run_validators(self.opts.pk.to_python(value))
        except ValidationError:
            return False
        return True
