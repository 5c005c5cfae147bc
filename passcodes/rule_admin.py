"""The colour rules on the authority's site: drafted, compared with what counts, proposed, agreed to, withdrawn."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from accounts.audited import AuditedAdmin
from accounts.authority import authority, page_of, waiting
from accounts.lists import FieldFilter
from accounts.models import Account
from accounts.officers import NotAnOfficer, office_of
from passcodes import approvals, dry_run_pages, rule_drafts, rule_pages, rule_words, rules, second_office
from passcodes.approval_models import Deed
from passcodes.basis_forms import BasisForm
from passcodes.colour import Colour
from passcodes.models import Approval, ColourRule, RuleSet
from passcodes.rule_forms import DetailsForm, OfficeForm, RuleForm
from passcodes.rule_models import RuleSetState

NOT_NOW = gettext_lazy("This cannot be done now: the set is before another office, or was decided before.")
OPEN_DEED = Q(does=Deed.RELEASE, rule_set__state=RuleSetState.DRAFT) | Q(
    does=Deed.WITHDRAW, rule_set__state=RuleSetState.RELEASED
)


def for_second_office(account: Account) -> tuple[str, str] | None:
    """How many sets of rules this officer could agree to, and their list; the set itself if it is one."""
    waits = Approval.objects.waiting_for(account, office_of(account)).filter(OPEN_DEED)
    sets = list(waits.order_by("pk").values_list("rule_set", flat=True))
    if not sets:
        return None
    count = len(sets)
    words = ngettext(
        "%(count)d set of colour rules waits for your agreement",
        "%(count)d sets of colour rules wait for your agreement",
        count,
    )
    return words % {"count": count}, page_of("passcodes_ruleset", sets)


waiting.append(for_second_office)


class RuleSetStateFilter(FieldFilter):
    title = gettext_lazy("state")
    parameter = "state"
    offered = RuleSetState.choices
    everything = gettext_lazy("All but discarded drafts")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        found = super().queryset(request, queryset)
        return found if self.value else found.exclude(state=RuleSetState.DISCARDED)


@admin.register(RuleSet, site=authority)
class RuleSetAdmin(AuditedAdmin):
    """A draft is edited until it is proposed. Every change is a POST with an audit row."""

    order = 2.4  # between the lists that the rules are about and where these come from
    list_display = ("version", "standing", "valid_from", "note", "offices")
    list_filter = (RuleSetStateFilter,)
    ordering = ("-number",)
    sortable_by = ()
    actions = None
    shows_subtitle = False
    empty_text = gettext_lazy("The default rules decide every colour. Make a draft to change them.")
    change_form_template = "admin/rule_set.html"
    change_list_template = "admin/rule_sets.html"
    content = ("version", "standing", "note", "valid_from", "created_by", "created_at")
    ending = ("withdrawn_by", "withdrawn_at")
    readonly_fields = (*content, *ending, "discarded_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With the key of the set that decides now, and what was asked of other offices."""
        now = timezone.now()
        decides = RuleSet.objects.filter(state=RuleSetState.RELEASED, valid_from__lte=now)
        decides = decides.order_by("-valid_from", "-number").values("pk")[:1]
        asked = Approval.objects.order_by("pk").select_related("proposer_office", "approver_office")
        rows = super().get_queryset(request).annotate(deciding=Subquery(decides))
        return rows.prefetch_related(Prefetch("approvals", asked, to_attr="asked"))

    def get_fields(self, request: HttpRequest, obj: RuleSet | None = None):
        """Who withdrew it, if somebody has; who put it in force stands with the approvals."""
        if obj and obj.discarded_at:
            return (*self.content, "discarded_at")
        return (*self.content, *self.ending) if obj and obj.withdrawn_at else self.content

    @admin.display(description=gettext_lazy("version"))
    def version(self, rule_set: RuleSet) -> str:
        return f"#{rule_set.number}"

    @admin.display(description=gettext_lazy("state"))
    def standing(self, rule_set: RuleSet) -> str:
        """Also whether it is the one that decides, and whether another office has been asked."""
        words = [self._standing(rule_set, timezone.now())]
        if rule_pages.waiting_of(rule_set):
            words.append(_("waits for another office"))
        if rule_set.pk == rule_set.deciding:
            return format_html("<strong>{}</strong>", " · ".join(words))
        return " · ".join(words)

    def _standing(self, rule_set: RuleSet, now: datetime) -> str:
        if rule_set.state != RuleSetState.RELEASED:
            return rule_set.get_state_display()
        if rule_set.pk == rule_set.deciding:
            return _("decides every colour now")
        return _("superseded") if rules.has_begun(rule_set, now) else _("released for later")

    @admin.display(description=gettext_lazy("put in force by"))
    def offices(self, rule_set: RuleSet) -> str:
        """Both offices."""
        agreed = [one for one in rule_set.asked if one.approver_office and one.does == Deed.RELEASE]
        return " · ".join(f"{one.proposer_office}, {one.approver_office}" for one in agreed) or "—"

    # Addresses

    def extra_urls(self, name: str) -> list:
        asks = {
            "propose": partial(self.propose_view, does=Deed.RELEASE),
            "propose-withdrawal": partial(self.propose_view, does=Deed.WITHDRAW),
            "approve": self.approve_view,
            "refuse": self.refuse_view,
            "withdraw": self.withdraw_view,
            "discard": self.discard_view,
        }
        pages = {"details": self.details_view, "office": self.office_view, "rules/add": self.rule_view}
        dry_run = ("<int:object_id>/dry-run/", self.dry_run_view, "dry_run")
        views = [
            ("new/", require_POST(self.new_view), "new"),
            dry_run,
            *((f"<int:object_id>/{verb}/", require_POST(view), verb) for verb, view in asks.items()),
            *((f"<int:object_id>/{page}/", view, page.replace("/", "_")) for page, view in pages.items()),
            ("<int:object_id>/rules/<int:rule_id>/", self.rule_view, "rule"),
            ("<int:object_id>/rules/<int:rule_id>/remove/", require_POST(self.remove_view), "remove"),
        ]
        return [path(where, self.admin_site.admin_view(view), name=f"{name}_{what}") for where, view, what in views]

    def _back(self, request: HttpRequest, rule_set: RuleSet, said: str, level: int) -> HttpResponse:
        self.message_user(request, said, level)
        return HttpResponseRedirect(self._url("change", rule_set.pk))

    # The draft

    def new_view(self, request: HttpRequest) -> HttpResponse:
        """A copy of what counts now, to be changed."""
        draft = rule_drafts.new_draft(by=request.user, at=timezone.now())
        return self._back(request, draft, _("A draft with the rules that count now."), messages.SUCCESS)

    def details_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What the draft is for and when it is to begin."""
        rule_set = self.get_object(request, str(object_id))
        form = DetailsForm(request.POST or None, rule_set=rule_set)
        return self._edit(request, rule_set, form, _("Note and beginning"), rule_drafts.change)

    def office_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """One office for all rules that name none; the officer's own unless another is typed."""
        rule_set, own = self.get_object(request, str(object_id)), office_of(request.user)
        form = OfficeForm(request.POST or None, initial={"office": own.name, "office_phone": own.phone})
        return self._edit(request, rule_set, form, _("Office of the rules that name none"), rule_drafts.name_office)

    def rule_view(self, request: HttpRequest, object_id: int, rule_id: int | None = None) -> HttpResponse:
        """A new rule of the draft, or one of its rules."""
        rule_set = self.get_object(request, str(object_id))
        rule = self._rule(rule_set, rule_id) if rule_id else ColourRule(rule_set=rule_set, colour=Colour.YELLOW)
        title = rule_words.when(rule) if rule_id else _("New rule")
        form = RuleForm(request.POST or None, rule=rule)
        return self._edit(request, rule_set, form, title, partial(_save_rule, rule))

    def remove_view(self, request: HttpRequest, object_id: int, rule_id: int) -> HttpResponse:
        """Takes a rule out of the draft."""
        rule_set = self.get_object(request, str(object_id))
        rule = self._rule(rule_set, rule_id)
        act = partial(rule_drafts.remove_rule, rule=rule)
        return self._decide(request, rule_set, act, _("The rule is taken out."))

    def _rule(self, rule_set: RuleSet, rule_id: int) -> ColourRule:
        if (rule := rule_set.rules.filter(pk=rule_id).first()) is None:
            raise Http404
        rule.rule_set = rule_set
        return rule

    def _edit(
        self, request: HttpRequest, rule_set: RuleSet, form: forms.Form, title: str, act: Callable
    ) -> HttpResponse:
        """A page with a form about the draft; `act` takes its values."""
        if not rule_pages.can_edit(rule_set):
            return self._back(request, rule_set, NOT_NOW, messages.WARNING)
        if form.is_valid():
            act = partial(act, rule_set=rule_set, **form.cleaned_data)
            return self._decide(request, rule_set, act, _("Saved."))
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "rule_set": rule_set,
            "back_url": self._url("change", rule_set.pk),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/rule_form.html", context)

    def dry_run_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Who would turn if the draft counted, or if what counts was withdrawn."""
        rule_set = self.get_object(request, str(object_id))
        back = self._url("change", rule_set.pk)
        return dry_run_pages.page(request, site=self.admin_site, opts=self.opts, thing=rule_set, back_url=back)

    # Decisions

    def propose_view(self, request: HttpRequest, object_id: int, does: str) -> HttpResponse:
        """Asks another office to put the draft in force, or to withdraw."""
        rule_set = self.get_object(request, str(object_id))
        form = BasisForm(request.POST)
        if not form.is_valid():
            return self.page_again(request, rule_set, basis_form=form)
        act = partial(approvals.propose, **form.cleaned_data, does=does, rule_set=rule_set)
        return self._decide(request, rule_set, act, _("Proposed. An officer of another office has to agree."))

    def approve_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Agrees to what the page showed: `approval` names it."""
        rule_set = self.get_object(request, str(object_id))
        seen = request.POST.get("approval", "")
        act = partial(approvals.approve, seen=int(seen) if seen.isdecimal() else 0, rule_set=rule_set)
        done = _("Agreed. It counts from the next display or scan on, or from the time that was set.")
        return self._decide(request, rule_set, act, done)

    def refuse_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Turns down what waits; one officer is enough."""
        rule_set = self.get_object(request, str(object_id))
        act = partial(approvals.refuse, rule_set=rule_set)
        return self._decide(request, rule_set, act, _("Refused. The rules stand as they did before the proposal."))

    def withdraw_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Withdraws what has not begun."""
        rule_set = self.get_object(request, str(object_id))
        act = partial(rules.withdraw, rule_set=rule_set)
        return self._decide(request, rule_set, act, _("Withdrawn. These rules will never count."))

    def discard_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Puts away a draft of which nothing will come."""
        rule_set = self.get_object(request, str(object_id))
        act = partial(rule_drafts.discard, rule_set=rule_set)
        return self._decide(request, rule_set, act, _("Discarded. The list shows it no more, unless you ask for it."))

    def _decide(self, request: HttpRequest, rule_set: RuleSet, act: Callable, done: str) -> HttpResponse:
        """Does it, or says why not; back to the set."""
        try:
            act(by=request.user, at=timezone.now())
        except (NotAnOfficer, approvals.NotYours, second_office.NeedsSecond):
            return self._back(request, rule_set, _("An officer of another office has to agree."), messages.ERROR)
        except rules.Incomplete as incomplete:
            return self._back(request, rule_set, rule_pages.incomplete(len(incomplete.problems)), messages.ERROR)
        except rule_drafts.NotMaker:
            return self._back(request, rule_set, _("Only who made the draft can discard it."), messages.ERROR)
        except rules.NotDraft:
            return self._back(request, rule_set, NOT_NOW, messages.WARNING)
        except approvals.NotProposed:
            said = _("This was decided before, or proposed anew: please look at it again.")
            return self._back(request, rule_set, said, messages.WARNING)
        return self._back(request, rule_set, done, messages.SUCCESS)

    # Pages

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return super().changelist_view(request, {"new_url": self._url("new"), **(extra_context or {})})

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj:
            now = timezone.now()
            context |= rule_pages.context_of(obj, account=request.user, at=now, url=self._url)
            context |= dry_run_pages.offer(obj, self._url("dry_run", obj.pk), now)
            context["errors"] = context.setdefault("basis_form", BasisForm()).errors  # Django's line on top of the page
        return super().render_change_form(request, context, add, change, form_url, obj)


def _save_rule(rule: ColourRule, *, by: Account, at: datetime, **_typed) -> None:
    """The form has put what was typed into the rule."""
    rule_drafts.save_rule(rule=rule, by=by, at=at)
