"""The officers' queue of checks by a person: a photo of the document, held against what was claimed."""

from django.contrib import admin, messages
from django.db.models import Case, F, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts import audit, officers
from accounts.audited import AuditedAdmin
from accounts.authority import authority
from accounts.lists import FieldFilter
from accounts.purposes import LookReason
from declarations.models import Proxy
from passcodes import document_checks
from passcodes.document_check_forms import DecisionForm
from passcodes.models import DocumentCheck, DocumentCheckState

WAITS = {"state": DocumentCheckState.WAITING}


class StateFilter(FieldFilter):
    title = gettext_lazy("state")
    parameter = "state"
    offered = DocumentCheckState.choices


@admin.register(DocumentCheck, site=authority)
class DocumentCheckAdmin(AuditedAdmin):
    """Who has waited longest comes first. What was claimed is shown in full while it is to be decided, then masked."""

    order = 0
    audits_looks = True
    look_reason = LookReason.IDENTITY
    shows_subtitle = False
    list_display = ("masked_name", "age", "waiting_since", "state")
    list_filter = (StateFilter,)
    list_select_related = ("pass_code__person",)
    fields = readonly_fields = (
        "name",
        "document",
        "birth_date",
        "sex",
        "age",
        "asked_for",
        "asked_by",
        "note",
        "waiting_since",
        "due",
        "state",
        "decided_at",
        "decided_by",
        "reason",
    )
    ordering = (
        Case(When(**WAITS, then=Value(0)), default=Value(1)),
        Case(When(**WAITS, then=F("waiting_since"))).asc(),
        "-pk",
    )
    sortable_by = ()
    actions = None
    change_form_template = "admin/document_check.html"
    empty_text = gettext_lazy("Nobody waits for a check by a person.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("pass_code__person").defer("photo")

    def get_fields(self, request: HttpRequest, obj: DocumentCheck | None = None):
        """Without what a check that waits has not yet, or a decided one has no more."""
        waits = obj is not None and obj.state == DocumentCheckState.WAITING
        without = ("state", "decided_at", "decided_by", "reason") if waits else ("due",)
        return [name for name in self.fields if name not in without]

    def looked_at(self, check: DocumentCheck) -> str:
        return f"person:{check.pass_code.person_id}"

    @admin.display(description=gettext_lazy("full name"))
    def masked_name(self, check: DocumentCheck) -> str:
        return check.pass_code.person.masked_name

    @admin.display(description=gettext_lazy("full name"))
    def name(self, check: DocumentCheck) -> str:
        person = check.pass_code.person
        return person.name if _waits(check) else person.masked_name

    @admin.display(description=gettext_lazy("document number"))
    def document(self, check: DocumentCheck) -> str:
        person = check.pass_code.person
        number = person.document_number if _waits(check) else person.masked_document
        return f"{person.get_document_kind_display()} {number}"

    @admin.display(description=gettext_lazy("birth date"))
    def birth_date(self, check: DocumentCheck) -> str:
        born = check.pass_code.person.born_on
        return f"{born:%Y-%m-%d}" if _waits(check) else f"{born:%Y}"

    @admin.display(description=gettext_lazy("sex"))
    def sex(self, check: DocumentCheck) -> str:
        return check.pass_code.person.get_sex_display()

    @admin.display(description=gettext_lazy("age"))
    def age(self, check: DocumentCheck) -> str:
        is_child = check.pass_code.person.is_child(timezone.localdate())
        return _("Child under 16") if is_child else _("16 or older")

    @admin.display(description=gettext_lazy("asked for"))
    def asked_for(self, check: DocumentCheck) -> str:
        if check.pass_code.person.holder_id == check.account_id:
            return _("themselves")
        proxy = Proxy.objects.of_account(check.account).filter(person=check.pass_code.person).order_by("-pk").first()
        return proxy.neutral_relation if proxy else "—"

    @admin.display(description=gettext_lazy("asked by"))
    def asked_by(self, check: DocumentCheck) -> str:
        phones = ", ".join(str(identifier) for identifier in check.account.identifiers.all())
        return f"{check.account} {phones}"

    @admin.display(description=gettext_lazy("to be decided by"))
    def due(self, check: DocumentCheck) -> str:
        return date_format(timezone.localtime(document_checks.due_at(check)), "SHORT_DATETIME_FORMAT")

    def extra_urls(self, name: str) -> list:
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        photo = self.admin_site.admin_view(require_GET(self.photo_view))
        return [
            path("<int:object_id>/decide/", decide, name=f"{name}_decide"),
            path("<int:object_id>/photo/", photo, name=f"{name}_photo"),
        ]

    def photo_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The photo of a check that waits; looking at it is written down."""
        check = self.get_object(request, str(object_id))
        if not _waits(check) or check.photo is None:
            raise Http404
        now, subject = timezone.now(), self.looked_at(check)
        audit.record(by=request.user, action="view-document-photo", subject=subject, at=now, check=check.pk)
        return HttpResponse(check.photo, content_type="image/jpeg")

    def decide_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Approve or refuse; only the first of two officers does. What was typed stays while it can still be sent."""
        check = self.get_object(request, str(object_id))
        form = DecisionForm(request.POST)
        if not form.is_valid():
            return self.page_again(request, check, decision_form=form)
        data = form.cleaned_data
        try:
            document_checks.decide(
                check=check,
                approved=data["decision"] == "approve",
                reason=data["reason"],
                shown_claim=data["shown"],
                by=request.user,
                at=timezone.now(),
            )
        except document_checks.NotWaiting:
            text = _("Another officer has decided this meanwhile, or its time is over. Your decision was not recorded.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(self._url("change", check.pk))
        except document_checks.OwnCheck:
            self.message_user(request, _("This concerns yourself. Another officer has to decide it."), messages.ERROR)
            return HttpResponseRedirect(self._url("change", check.pk))
        except officers.DecidesForOffice:
            text = _("The account that has this document decides for an office: that role has to be ended first.")
            self.message_user(request, text, messages.ERROR)
            return self.page_again(request, check, decision_form=form)
        except document_checks.Changed:
            return self.page_again(request, check, decision_form=form)
        except document_checks.NothingToAsk:
            text = _("The account no longer acts for this person, so there is nothing to approve. Refuse it.")
            self.message_user(request, text, messages.WARNING)
            return self.page_again(request, check, decision_form=form)
        self.message_user(request, _("Decided. The person who asked has been told."), messages.SUCCESS)
        return HttpResponseRedirect(self.list_url())

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj and _waits(obj):
            shown = document_checks.shown(obj.pass_code.person)
            form = context.setdefault("decision_form", DecisionForm())
            if form.is_bound and form.data.get("shown") != shown:
                text = _("What was claimed has been changed meanwhile. Please compare it with the photo again.")
                self.message_user(request, text, messages.WARNING)
            context["errors"], context["shown"] = form.errors, shown  # errors: Django's line on top of the page
            context["photo_url"], context["decide_url"] = self._url("photo", obj.pk), self._url("decide", obj.pk)
            context["is_own"] = document_checks.concerns(request.user, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)


def _waits(check: DocumentCheck) -> bool:
    """Whether it is to be decided: neither decided nor over."""
    return check.state == DocumentCheckState.WAITING and document_checks.due_at(check) > timezone.now()
