"""The officers' queue of appeals: overdue ones first, read and answered by offices that did not colour."""

from datetime import datetime

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Case, F, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts import audit
from accounts.audited import AuditedAdmin
from accounts.authority import authority, waiting
from accounts.lists import FieldFilter
from accounts.models import Account
from accounts.purposes import LookReason
from passcodes import appeal_judges, appeals
from passcodes.actions import reason_from_json
from passcodes.appeal_forms import AnswerForm
from passcodes.appeal_models import AppealState
from passcodes.models import Appeal, AppealDocument
from passcodes.reasons import text_of

FOR_JUDGES = {"text", "earlier", "answer"}  # words, of whom the colouring office coloured too: they may accuse it
WAITS = {"state": AppealState.WAITING}
NOBODY = gettext_lazy("no office with officers may answer")


def for_answers(account: Account) -> tuple[str, str] | None:
    """How many appeals wait, and how many of them for too long."""
    count = Appeal.objects.waiting().count()
    if not count:
        return None
    words = ngettext("%(count)d appeal waits for an answer", "%(count)d appeals wait for an answer", count)
    now = timezone.now()
    if late := len(appeals.counting(Appeal.objects.overdue(now).defer("text"), now)):
        words += " · " + ngettext("%(late)d overdue", "%(late)d overdue", late)
    return words % {"count": count, "late": late}, reverse("admin:passcodes_appeal_changelist") + "?state=waiting"


def for_offices(account: Account) -> tuple[str, str] | None:
    """How many appeals no office with officers may answer. Where the missing officer is proposed."""
    count = appeals.all_unanswerable(timezone.now())
    if not count:
        return None
    words = ngettext(
        "%(count)d appeal can be answered by no office that has officers: another office needs an officer",
        "%(count)d appeals can be answered by no office that has officers: another office needs an officer",
        count,
    )
    return words % {"count": count}, reverse("admin:accounts_officer_changelist")


waiting += [for_answers, for_offices]


class StateFilter(FieldFilter):
    title = gettext_lazy("state")
    parameter = "state"
    offered = AppealState.choices


@admin.register(Appeal, site=authority)
class AppealAdmin(AuditedAdmin):
    """Whose answer is due first, or long due, comes first. The person stays masked: the record says who is meant."""

    order = 0
    audits_looks = True
    look_reason = LookReason.APPEAL
    shows_subtitle = False
    list_display = ("receipt", "masked_name", "claim", "office", "due_at", "overdue", "stands")
    list_filter = (StateFilter,)
    list_select_related = ("person",)
    fields = readonly_fields = (
        "receipt",
        "masked_name",
        "document",
        "why",
        "record",
        "office",
        "claim",
        "text",
        "earlier",
        "created_at",
        "due_at",
        "overdue",
        "state",
        "decided_at",
        "decided_by",
        "decided_office",
        "answer",
    )
    ordering = (
        Case(When(**WAITS, then=Value(0)), default=Value(1)),
        Case(When(**WAITS, then=F("due_at"))).asc(),
        "-pk",
    )
    sortable_by = ()
    actions = None
    change_form_template = "admin/appeal.html"
    empty_text = gettext_lazy("Nobody has appealed.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("person")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """With which of the page's appeals nobody may answer, and which overdue ones colour nobody any more."""
        changelist = super().get_changelist_instance(request)
        now = timezone.now()
        open_ones = [appeal for appeal in changelist.result_list if appeal.state == AppealState.WAITING]
        nobody = appeals.unanswerable(open_ones, now)
        for appeal in open_ones:
            appeal.has_judge = appeal.pk not in nobody
        late = [appeal for appeal in changelist.result_list if appeal.is_overdue(now)]
        counting = appeals.counting(late, now)
        for appeal in late:
            appeal.counts = appeal.pk in counting
        return changelist

    def get_fields(self, request: HttpRequest, obj: Appeal | None = None):
        """Without what an appeal that waits has not yet, and others have no more; words for who may answer alone."""
        waits = obj is not None and obj.state == AppealState.WAITING
        without = {"decided_at", "decided_by", "decided_office", "answer"} if waits else {"overdue"}
        if obj is not None and obj.escalation_of_id is None:
            without.add("earlier")
        if obj is not None and _hindrance(request.user, obj):
            without |= FOR_JUDGES
        return [name for name in self.fields if name not in without]

    def looked_at(self, appeal: Appeal) -> str:
        return f"person:{appeal.person_id}"

    @admin.display(description=gettext_lazy("full name"))
    def masked_name(self, appeal: Appeal) -> str:
        return appeal.person.masked_name

    @admin.display(description=gettext_lazy("document number"))
    def document(self, appeal: Appeal) -> str:
        return f"{appeal.person.get_document_kind_display()} {appeal.person.masked_document}"

    @admin.display(description=gettext_lazy("overdue"), empty_value="—")
    def overdue(self, appeal: Appeal) -> str:
        """For how long; colour alone would not say it. Nobody is neutral for what colours nobody any more."""
        now = timezone.now()
        if not appeal.is_overdue(now):
            return ""
        if not hasattr(appeal, "counts"):
            appeal.counts = bool(appeals.counting([appeal], now))
        return timesince(appeal.due_at, now) if appeal.counts else _("no longer counts")

    @admin.display(description=gettext_lazy("state"))
    def stands(self, appeal: Appeal) -> str:
        """With a word where it waits in vain."""
        words = appeal.get_state_display()
        return words if getattr(appeal, "has_judge", True) else f"{words} · {NOBODY}"

    @admin.display(description=gettext_lazy("reason of the colour"))
    def why(self, appeal: Appeal) -> str:
        return text_of(reason_from_json(appeal.disputed)).why

    @admin.display(description=gettext_lazy("rests on"))
    def record(self, appeal: Appeal) -> str:
        """The record or area, one click away; what was declared, the declaration's own."""
        kind, _colon, rest = appeal.fact.partition(":")
        model = {"risk": "riskrecord", "area": "riskarea"}.get(kind)
        if kind == "symptoms":
            return _("what somebody else declared for them")
        if model is None:
            return _("the person's own declaration")
        number = rest.partition(":")[0]
        address = reverse(f"admin:passcodes_{model}_change", args=[number], current_app=self.admin_site.name)
        return format_html('<a href="{}">#{}</a>', address, number)

    @admin.display(description=gettext_lazy("first appeal and answer"))
    def earlier(self, appeal: Appeal) -> str:
        first = appeal.escalation_of
        return f"{first.receipt} · {first.decided_office} · {first.text} → {first.answer}"

    def extra_urls(self, name: str) -> list:
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        photo = self.admin_site.admin_view(require_GET(self.photo_view))
        return [
            path("<int:object_id>/decide/", decide, name=f"{name}_decide"),
            path("<int:object_id>/photo/<int:photo_id>/", photo, name=f"{name}_photo"),
        ]

    def photo_view(self, request: HttpRequest, object_id: int, photo_id: int) -> HttpResponse:
        """A photo of the appeal or of the one before it, for who may answer; looking at it is written down."""
        appeal = self.get_object(request, str(object_id))
        photo = _photos(appeal).filter(pk=photo_id).first()
        if photo is None or _hindrance(request.user, appeal):
            raise Http404
        audit.record(
            by=request.user,
            action="view-appeal-document",
            subject=self.looked_at(appeal),
            at=timezone.now(),
            appeal=appeal.pk,
            photo=photo.pk,
        )
        return HttpResponse(photo.data, content_type="image/jpeg")

    def decide_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Grant or refuse; only the first of two officers does. What was typed stays while it can still be sent."""
        appeal = self.get_object(request, str(object_id))
        form = AnswerForm(request.POST)
        if not form.is_valid():
            return self.page_again(request, appeal, answer_form=form)
        data = form.cleaned_data
        try:
            appeals.decide(
                appeal=appeal,
                granted=data["decision"] == "grant",
                answer=data["reason"],
                by=request.user,
                at=timezone.now(),
            )
        except appeals.NotWaiting:
            text = _("Another officer has answered this meanwhile, or it was withdrawn. Your answer was not recorded.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(self._url("change", appeal.pk))
        except (appeal_judges.OwnAppeal, appeal_judges.NotTheirs):
            self.message_user(request, _("Your answer was not recorded: another office has to."), messages.ERROR)
            return HttpResponseRedirect(self._url("change", appeal.pk))
        self.message_user(request, _("Answered. The person who asked has been told."), messages.SUCCESS)
        return HttpResponseRedirect(self.list_url())

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        hindrance = _hindrance(request.user, obj) if obj else None
        if obj:
            context["hindrance"] = hindrance and _in_words(hindrance, obj, timezone.now())
            photos = () if hindrance else _photos(obj).values_list("pk", flat=True)
            context["photos"] = [self._url("photo", obj.pk, photo) for photo in photos]
        if obj and obj.state == AppealState.WAITING:
            form = context.setdefault("answer_form", AnswerForm())
            context["errors"] = form.errors  # Django's line on top of the page
            context["decide_url"] = self._url("decide", obj.pk)
        return super().render_change_form(request, context, add, change, form_url, obj)


def _photos(appeal: Appeal) -> QuerySet[AppealDocument]:
    together = [appeal.pk, appeal.escalation_of_id or appeal.pk]
    return AppealDocument.objects.filter(appeal__in=together).order_by("appeal", "number")


def _hindrance(officer: Account, appeal: Appeal) -> Exception | None:
    """Why this officer cannot answer it, nor read its words; asked once for a page."""
    if not hasattr(appeal, "hindrance"):
        appeal.hindrance = None
        try:
            appeal_judges.check_officer(officer, appeal)
        except (appeal_judges.OwnAppeal, appeal_judges.NotTheirs) as error:
            appeal.hindrance = error
    return appeal.hindrance


def _in_words(hindrance: Exception, appeal: Appeal, at: datetime) -> str:
    words = _("Who may not answer an appeal does not read its words, nor see its photos.")
    if appeal.state != AppealState.WAITING:
        return words
    if isinstance(hindrance, appeal_judges.OwnAppeal):
        return _("This concerns yourself. Another officer has to answer it.") + " " + words
    why = _("Your office cannot answer this: it coloured, or has answered the first appeal, or you are of no office.")
    if appeals.unanswerable([appeal], at):
        why += " " + _("Neither can any other office that has officers: another one has to be given an officer.")
    return f"{why} {words}"
