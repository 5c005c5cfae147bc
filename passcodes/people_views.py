"""My people: for whom I act, who acts for me, and the requests that wait for my answer."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib import messages
from django.db.models import Q, Window
from django.db.models.functions import RowNumber
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Account, IdentifierKind
from declarations import proxies, questions
from declarations.models import Declaration, Person, Proxy, ProxyQuerySet, Relation
from healthpass.lib.masks import mask_phone
from passcodes import relations
from passcodes.actions import issue_pass
from passcodes.models import DocumentCheck

PAST_SHOWN = 20
DECLARATIONS_SHOWN = 5  # of each account that acts for me, the latest
# What an account says of its relation, as the person concerned reads it.
SAID_OF_ME: dict[str, Promise] = {
    Relation.PARENT: gettext_lazy("They say that you are their parent."),
    Relation.CHILD: gettext_lazy("They say that you are their child."),
    Relation.SPOUSE: gettext_lazy("They say that you are their spouse."),
    Relation.GRANDPARENT: gettext_lazy("They say that you are their grandparent."),
    Relation.WARD: gettext_lazy("They say that you are their ward."),
    Relation.OTHER: gettext_lazy("They say that you are neither family nor their ward."),
}


@dataclass(frozen=True)
class Relative:
    """For whom the account acts, or has asked to. `last_at` None: it has not declared for them yet."""

    proxy: Proxy
    last_at: datetime | None
    may_repeat: bool
    asked: DocumentCheck | None  # the latest check by a person, where the identity is still open


@dataclass(frozen=True)
class Actor:
    """An account that acts for somebody, or did, or asks to; `phone` masked."""

    proxy: Proxy
    phone: str
    said: Promise | str
    concerns_me: bool
    declared: tuple[datetime, ...] = ()  # when it last declared for me, newest first


@never_cache
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """The account's relatives; and, for whoever has proven who they are, the accounts that act for them."""
    account = request.user
    me = _real_name_person(account)
    context = {
        "relatives": _relatives(account),
        "requests": _actors(
            Proxy.objects.to_be_decided_by(account).exclude(account=account).order_by("created_at"), me
        ),
        "me": me,
        "version": questions.FORM_VERSION,
    }
    if me:
        mine = Proxy.objects.concerning(me).exclude(account=account)
        waiting = Q(person=me, confirmed_at=None)  # among the requests
        past = mine.exclude(ended_at=None).filter(Q(person=me) | ~Q(confirmed_at=None)).order_by("-ended_at")
        asking = mine.current().filter(waiting).values("account")  # their claims go with the request
        acting = mine.current().exclude(waiting).exclude(~Q(person=me), account__in=asking)
        context["acting"] = _with_declarations(_actors(acting.order_by("created_at"), me), me)
        context["past"] = _actors(past[:PAST_SHOWN], me)
    return render(request, "passcodes/people.html", context)


@never_cache
@require_safe
def relative(request: HttpRequest, proxy_id: int) -> HttpResponse:
    """To the relative's code; while it may not be shown, or with `?check`, to the check of who they are."""
    proxy = get_object_or_404(Proxy.objects.current().of_account(request.user).select_related("person"), pk=proxy_id)
    if proxy.awaits_consent:
        messages.warning(request, _("Consent is still awaited. The code can be shown once it has been given."))
        return redirect("passcodes:people")
    shows_code = proxy.is_acting and "check" not in request.GET
    return redirect("passcodes:code" if shows_code else "passcodes:face", issue_pass(person=proxy.person).public_id)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, proxy_id: int) -> HttpResponse:
    """Ask once more, then end it: by the account itself, or by whom it concerns. A refusal ends a request."""
    now = timezone.now()
    proxy, account = _proxy(proxy_id), request.user
    concerned = _concerns(proxy, account) or proxies.may_decide(proxy, account) or proxy.ended_by_id == account.pk
    if not (proxy.account_id == account.pk or concerned):
        raise Http404
    if request.method == "POST":
        relations.end(proxy=proxy, by=account, at=now)
        messages.success(request, _ended(proxy, account))
    if request.method == "POST" or proxy.ended_at:
        return redirect("passcodes:people")
    heading, text = _question(proxy, account)
    return render(request, "passcodes/end_proxy.html", {"proxy": proxy, "heading": heading, "text": text})


@never_cache
@require_POST
def agree(request: HttpRequest, proxy_id: int) -> HttpResponse:
    """Agree to a request: by the person's own account, or by a child's first guardian."""
    now = timezone.now()
    proxy = _proxy(proxy_id)
    if proxy.confirmed_by_id == request.user.pk:  # tapped twice
        return redirect("passcodes:people")
    if not proxies.may_decide(proxy, request.user):
        raise Http404
    try:
        proxies.agree(proxy=proxy, by=request.user, at=now)
    except proxies.NotActing:
        messages.warning(request, _("The request has been withdrawn."))
    else:
        messages.success(request, _("You have agreed. You can end it here at any time."))
    return redirect("passcodes:people")


def _proxy(proxy_id: int) -> Proxy:
    """Any relation: what the account may do with it, the caller asks."""
    return get_object_or_404(Proxy.objects.select_related("person", "account"), pk=proxy_id)


def _question(proxy: Proxy, account: Account) -> tuple[str, str]:
    """Heading and text of the page that asks whether to end it."""
    if proxy.account_id != account.pk:
        heading = _("End what %(phone)s may do?") % {"phone": _phone_of(proxy.account)}
        return heading, _("They can then no longer show a code for you or declare for you.")
    name = {"name": proxy.person.masked_name}
    if proxy.awaits_consent:
        return _("Withdraw the request to act for %(name)s?") % name, _("You can ask again at any time.")
    text = _("You can then no longer show the code or declare. To act for this person again you begin anew.")
    return _("Stop acting for %(name)s?") % name, text


def _ended(proxy: Proxy, account: Account) -> str:
    if proxy.account_id == account.pk:
        return _("You no longer act for %(name)s.") % {"name": proxy.person.masked_name}
    if proxy.awaits_consent:
        return _("You have refused. Nothing of it was shown to them.")
    return _("It has ended. Their phone no longer shows the code.")


def _real_name_person(account: Account) -> Person | None:
    """Whoever only says who they are sees nobody: a stranger's number must tell nothing."""
    return Person.objects.held_by(account).real_name().first()


def _concerns(proxy: Proxy, account: Account) -> bool:
    """Whether the account has proven to be the person for whom the other one acts."""
    me = _real_name_person(account)
    return me is not None and me.document_hash == proxy.person.document_hash


def _relatives(account: Account) -> list[Relative]:
    """Without claims to a document whose person has been asked: one request is one entry."""
    own = Proxy.objects.current().of_account(account).select_related("person").with_last_declaration()
    own = list(own.order_by("created_at", "pk"))
    waiting = {proxy.person.document_hash for proxy in own if proxy.awaits_consent}
    shown = [proxy for proxy in own if proxy.awaits_consent or proxy.person.document_hash not in waiting]
    declarations = Declaration.objects.in_bulk([proxy.last_id for proxy in shown if proxy.last_id])
    checks = DocumentCheck.objects.filter(account=account, pass_code__person__in=[proxy.person_id for proxy in shown])
    asked = {
        check.pass_code.person_id: check for check in checks.defer("photo").select_related("pass_code").order_by("pk")
    }
    return [
        Relative(
            proxy,
            proxy.last_at,
            proxies.may_repeat(declarations.get(proxy.last_id)),
            None if proxy.person.is_real_name else asked.get(proxy.person_id),
        )
        for proxy in shown
    ]


def _actors(rows: ProxyQuerySet, me: Person | None) -> list[Actor]:
    rows = rows.select_related("person", "account").prefetch_related("account__identifiers")
    return [_actor(proxy, me) for proxy in rows]


def _with_declarations(actors: list[Actor], me: Person) -> list[Actor]:
    """The same with when each last declared for my document."""
    accounts = {actor.proxy.account_id for actor in actors}
    rows = Declaration.objects.filter(person__document_hash=me.document_hash, account__in=accounts)
    rank = Window(RowNumber(), partition_by="account", order_by="-made_at")
    rows = rows.annotate(rank=rank).filter(rank__lte=DECLARATIONS_SHOWN).order_by("-made_at")
    declared = defaultdict(list)
    for account, made_at in rows.values_list("account", "made_at"):
        declared[account].append(made_at)
    return [replace(actor, declared=tuple(declared[actor.proxy.account_id])) for actor in actors]


def _actor(proxy: Proxy, me: Person | None) -> Actor:
    concerns_me = me is not None and proxy.person_id == me.pk
    said = SAID_OF_ME[proxy.relation] if me and me.document_hash == proxy.person.document_hash else ""
    return Actor(proxy, _phone_of(proxy.account), said, concerns_me)


def _phone_of(account: Account) -> str:
    """Masked, from identifiers that may have been fetched before."""
    phones = (i.value for i in account.identifiers.all() if i.kind == IdentifierKind.PHONE)
    return next((mask_phone(phone) for phone in phones), f"#{account.pk}")
