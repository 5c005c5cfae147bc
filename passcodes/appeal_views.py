"""Appealing against a colour, where the appeal stands, and how the offices answer."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import limits
from declarations.models import Person
from passcodes import actions, appeals, office_figures
from passcodes.appeal_forms import DOCUMENTS, AgainForm, AppealForm
from passcodes.appeal_models import Appeal, AppealState
from passcodes.colour import Reason
from passcodes.findings import DEFAULT_LIMITS
from passcodes.pass_access import of_pass
from passcodes.reasons import address_key, text_of
from passcodes.uploads import bounded

SENT_A_DAY = 20  # of an account, whatever is wrong with it: each photo is decoded
FILED_A_DAY = 10  # of these, as each keeps an officer busy and its photos the disk
DAY = timedelta(days=1)
BODY = 62_000_000  # bytes: up to these, photos that are too large do not lose the words

for_account = of_pass(by_key=False)  # an appeal is an account's: the key of the pass is not enough


def refuse_body(request: HttpRequest, status: int) -> HttpResponse:
    """The page again, saying that the body was too large (413) or could not be read (400)."""
    too_large = _("The photos are too large: at most 5, each of at most 8 MB.")
    unreadable = _("The upload could not be read. Please send the appeal again.")
    messages.error(request, too_large if status == 413 else unreadable)
    return _refused(request, **request.resolver_match.kwargs, status=status)


@for_account
def _refused(
    request: HttpRequest, pass_id: str, row: dict, now: datetime, *, status: int, receipt: str = ""
) -> HttpResponse:
    if receipt:
        return _again_page(request, pass_id, _appeal(row, receipt), AgainForm(), status=status)
    reason = _reason(request, row, now)
    if reason is None or not row["speaks"]:
        return redirect("passcodes:code", pass_id)
    return _form_page(request, pass_id, row, reason, AppealForm(about_record=_is_record(reason)), status=status)


takes_photos = bounded(BODY, refuse_body, keep=DEFAULT_LIMITS.bytes + 1, most=DOCUMENTS + 1)


@never_cache
@takes_photos
@sensitive_post_parameters()
@for_account
def appeal(request: HttpRequest, pass_id: str, row: dict, now: datetime) -> HttpResponse:
    """What can be appealed against; with `?about=`, the form for it, or the appeal that there is already."""
    about = request.GET.get("about", "")
    if not about:
        return _choice_page(request, pass_id, row, now)
    reason, person_id = _reason(request, row, now), row["person_id"]
    earlier = appeals.standing(person_id, reason) if reason else appeals.named(person_id, about)
    if earlier:
        if request.method == "POST":
            messages.warning(request, _("There is an appeal against this already."))
        return redirect("passcodes:appealed", pass_id, earlier.receipt)
    if reason is None:
        messages.warning(request, _("This no longer colours the code, so there is nothing to appeal against."))
        return redirect("passcodes:appeal", pass_id)
    if not row["speaks"]:
        return redirect("passcodes:appeal", pass_id)
    if request.method != "POST":
        _say_if_full(request, person_id)
        return _form_page(request, pass_id, row, reason, AppealForm(about_record=_is_record(reason)))
    try:
        _check_limits(request, person_id, now)
        form = AppealForm(request.POST, request.FILES, about_record=_is_record(reason))
        if not form.is_valid():
            return _form_page(request, pass_id, row, reason, form)
        with _counted(request, now):
            filed = appeals.file(person=_person(row), reason=reason, by=request.user, at=now, **form.cleaned_data)
    except (appeals.EnoughWait, limits.LimitReached) as error:
        messages.warning(request, _words_of(error))
        form = AppealForm(request.POST, about_record=_is_record(reason))
        return _form_page(request, pass_id, row, reason, form, status=429)
    except appeals.AlreadyAppealed as already:
        messages.warning(request, _("There is an appeal against this already."))
        filed = already.appeal
    except appeals.NotYours:  # the person has an account since a moment ago
        return redirect("passcodes:appeal", pass_id)
    return redirect("passcodes:appealed", pass_id, filed.receipt)


@never_cache
@for_account
def appealed(request: HttpRequest, pass_id: str, row: dict, now: datetime, receipt: str) -> HttpResponse:
    """Where an appeal stands: the time left, or the answer; and whether anything waits for it. Words only their own."""
    found = _appeal(row, receipt)
    left = max(0, int((found.due_at - now).total_seconds()))
    is_own = appeals.is_own(found, request.user)
    is_waiting = found.state == AppealState.WAITING
    context = {
        **_about(pass_id, found),
        "overdue": found.is_overdue(now),
        "unanswerable": is_waiting and bool(appeals.unanswerable([found], now)),
        "counts": appeals.concerns(found, _reasons(row, now)),
        "seconds": left,
        "left": f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02}",
        "is_mine": found.account_id == request.user.pk,
        "is_own": is_own,
        "is_holder": found.person.holder_id == request.user.pk,
        "documents": found.documents.count() if is_own else 0,
        "may_withdraw": appeals.may_withdraw(found, request.user),
        "may_escalate": appeals.may_escalate(found, request.user),
        "second": Appeal.objects.filter(escalation_of=found).first(),
    }
    return render(request, "passcodes/appealed.html", context)


@never_cache
@takes_photos
@sensitive_post_parameters()
@for_account
def again(request: HttpRequest, pass_id: str, row: dict, now: datetime, receipt: str) -> HttpResponse:
    """The one second appeal, which another office answers."""
    first = _appeal(row, receipt)
    if not appeals.may_escalate(first, request.user):
        only = _(
            "This can be appealed against once more only after a first refusal: by the person, or by whoever acts for"
            " somebody without an account of their own."
        )
        messages.warning(request, only)
        return redirect("passcodes:appealed", pass_id, receipt)
    if request.method != "POST":
        _say_if_full(request, first.person_id)
        return _again_page(request, pass_id, first, AgainForm())
    try:
        _check_limits(request, first.person_id, now)
        form = AgainForm(request.POST, request.FILES)
        if not form.is_valid():
            return _again_page(request, pass_id, first, form)
        with _counted(request, now):
            second = appeals.escalate(appeal=first, by=request.user, at=now, **form.cleaned_data)
    except (appeals.EnoughWait, limits.LimitReached) as error:
        messages.warning(request, _words_of(error))
        return _again_page(request, pass_id, first, AgainForm(request.POST), status=429)
    except appeals.NoSecond:
        return redirect("passcodes:appealed", pass_id, receipt)
    return redirect("passcodes:appealed", pass_id, second.receipt)


@never_cache
@require_POST
@for_account
def withdraw(request: HttpRequest, pass_id: str, row: dict, now: datetime, receipt: str) -> HttpResponse:
    """Ask no more: the photos are deleted at once; of a second appeal those of the first some days later."""
    try:
        found = _appeal(row, receipt)
        appeals.withdraw(appeal=found, by=request.user, at=now)
        first = _(
            "Withdrawn: the photos of the second appeal have been deleted. Those of the first are deleted in 30 days."
        )
        messages.success(request, first if found.escalation_of_id else _("Withdrawn: the photos have been deleted."))
    except appeals.NotWaiting:
        messages.warning(request, _("There is nothing to withdraw any more."))
    except appeals.NotYours:
        messages.warning(
            request, _("Only the person can withdraw this or, where they have no account, whoever appealed.")
        )
    return redirect("passcodes:appealed", pass_id, receipt)


@login_not_required
def offices(request: HttpRequest) -> HttpResponse:
    """For everybody: how fast each office answers appeals, and how many colours its officers gave by hand."""
    return render(request, "passcodes/offices.html", office_figures.figures(timezone.now()))


def _person(row: dict) -> Person:
    return Person.objects.get(pk=row["person_id"])


def _appeal(row: dict, receipt: str) -> Appeal:
    found = appeals.of_person(row["person_id"]).select_related("person").filter(receipt=receipt).first()
    if found is None:
        raise Http404
    return found


def _reasons(row: dict, at: datetime) -> Iterable[Reason]:
    return actions.show_colour(row=row, at=at).reasons


def _reason(request: HttpRequest, row: dict, at: datetime) -> Reason | None:
    about = request.GET.get("about")
    found = (reason for reason in _reasons(row, at) if address_key(reason, row["person_id"]) == about)
    return next(found, None) if about else None


def _is_record(reason: Reason) -> bool:
    return reason.fact.startswith("risk:")


def _check_limits(request: HttpRequest, person_id: int, at: datetime) -> None:
    """Before any photo is decoded. Counts the try. Raises EnoughWait, LimitReached."""
    appeals.check_room(person_id)
    account = str(request.user.pk)
    if retry_at := limits.reached("appeal-filed", account, limit=FILED_A_DAY, per=DAY, at=at):
        raise limits.LimitReached(retry_at)
    limits.take("appeal", account, limit=SENT_A_DAY, per=DAY, at=at)


@contextmanager
def _counted(request: HttpRequest, at: datetime) -> Iterator[None]:
    """What is filed inside counts for the account's day. Raises LimitReached."""
    account = str(request.user.pk)
    limits.take("appeal-filed", account, limit=FILED_A_DAY, per=DAY, at=at)
    try:
        yield
    except Exception:
        limits.give_back("appeal-filed", account, per=DAY, at=at)
        raise


def _say_if_full(request: HttpRequest, person_id: int) -> None:
    """Before somebody types in vain."""
    try:
        appeals.check_room(person_id)
    except appeals.EnoughWait as error:
        messages.warning(request, _words_of(error))


def _words_of(error: appeals.EnoughWait | limits.LimitReached) -> str:
    if isinstance(error, limits.LimitReached):
        time = date_format(timezone.localtime(error.retry_at), "SHORT_DATETIME_FORMAT")
        return _("You have asked often today. Please try again after %(time)s.") % {"time": time}
    values = {"count": len(error.waiting), "receipts": " · ".join(appeal.receipt for appeal in error.waiting)}
    return (
        _(
            "%(count)d appeals wait for an answer, and no more are taken for one person at a time: %(receipts)s."
            " You can send this one when one of them has been answered or withdrawn."
        )
        % values
    )


def _about(pass_id: str, found: Appeal) -> dict:
    return {
        "pass_id": pass_id,
        "person": found.person,
        "appeal": found,
        "reason": text_of(actions.reason_from_json(found.disputed)),
    }


def _choice_page(request: HttpRequest, pass_id: str, row: dict, at: datetime) -> HttpResponse:
    person = _person(row)
    context = {
        "pass_id": pass_id,
        "person": person,
        "reasons": [text_of(reason, person_id=person.pk) for reason in _reasons(row, at)],
        "appeals": list(appeals.of_person(person.pk)),
        "speaks": row["speaks"],
    }
    return render(request, "passcodes/appeals.html", context)


def _form_page(
    request: HttpRequest, pass_id: str, row: dict, reason: Reason, form: AppealForm, *, status: int = 200
) -> HttpResponse:
    context = {"pass_id": pass_id, "person": _person(row), "reason": text_of(reason), "form": form}
    return render(request, "passcodes/appeal.html", context, status=status)


def _again_page(
    request: HttpRequest, pass_id: str, first: Appeal, form: AgainForm, *, status: int = 200
) -> HttpResponse:
    context = {**_about(pass_id, first), "form": form, "is_second": True}
    return render(request, "passcodes/appeal.html", context, status=status)
