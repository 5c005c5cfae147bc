"""Who may see and drive which face check: its account, or a phone that a one-time link has brought to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Account
from declarations.models import Person, Proxy
from passcodes import face_checks
from passcodes.face_checks import NotNow
from passcodes.models import FaceCheck, FaceCheckState, FaceLink, PassCode

LINK = "face_link"  # in the session: the check that a link has opened, and until when
LINK_ACCESS = timedelta(minutes=30)
LINK_REMEMBERED = timedelta(days=1)  # for saying that it is over
SHOWN = timedelta(days=1)  # how long the page tells how a check ended


@dataclass(frozen=True)
class Visit:
    """A request's right to one pass's face check. `check`: the open one, or one that ended a short while ago."""

    pass_code: PassCode
    account: Account  # whose check it is
    proxy: Proxy | None  # None for the account's own person
    check: FaceCheck | None
    by_link: bool = False  # on a phone that is nobody's account here
    ended: FaceCheck | None = None  # where no check is open: one that came to no result a short while ago

    @property
    def by(self) -> Account | None:
        """Who acts, for the audit."""
        return None if self.by_link else self.account

    @property
    def person(self) -> Person:
        return self.pass_code.person

    @property
    def open_check(self) -> FaceCheck:
        """Raises face_checks.NotNow where none has begun or it has ended."""
        if self.check is None or self.check.ended_at:
            raise NotNow
        return self.check

    @property
    def is_own(self) -> bool:
        """Whether it is the account's own face."""
        return self.proxy is None

    @property
    def state(self) -> str:
        """A FaceCheckState, or `consent` where no check has begun."""
        return self.check.state if self.check else "consent"

    @property
    def may_show(self) -> bool:
        """Whether this browser's account may show the code of the pass."""
        return not self.by_link and (self.proxy is None or self.proxy.is_acting)

    @property
    def has_nothing_to_prove(self) -> bool:
        """Whether the code may be shown already and is that of a known person, who has shown their face if asked to."""
        is_due = self.proxy is None and face_checks.is_due(account=self.account, person_id=self.person.pk)
        return self.may_show and self.person.is_real_name and not is_due

    @property
    def is_child(self) -> bool:
        """Whether the person is under 16, so that the code may be shown before the check."""
        return self.person.is_child(timezone.localdate())


def find(request: HttpRequest, pass_id: str, at: datetime) -> Visit | None:
    """The request's right to this pass's check; None for everybody without one."""
    return _by_link(request, pass_id, at) or _by_account(request, pass_id, at)


def remember_link(request: HttpRequest, link: FaceLink, at: datetime) -> None:
    """From now on this browser may drive the link's check. Who is signed in on it stays so, and gains nothing."""
    request.session.cycle_key()
    request.session[LINK] = {"check": link.check_of_id, "until": (at + LINK_ACCESS).timestamp()}
    if not request.user.is_authenticated:
        request.session.set_expiry(LINK_REMEMBERED)


def came_by_link(request: HttpRequest) -> bool:
    """Whether this is a phone without an account that a link has brought here, be it long ago."""
    return LINK in request.session and not request.user.is_authenticated


def proven_elsewhere(request: HttpRequest, pass_id: str) -> Person | None:
    """Whose code the account shows since its check of this pass led to a person who was known already."""
    if not request.user.is_authenticated:
        return None
    passed = FaceCheck.objects.filter(
        pass_code__public_id=pass_id, account=request.user, state=FaceCheckState.PASSED
    ).select_related("pass_code__person")
    check = passed.first()
    if check is None:
        return None
    claimed = check.pass_code.person
    own = Person.objects.held_by(request.user).filter(document_hash=claimed.document_hash).first()
    proxy = Proxy.objects.acting().of_account(request.user).concerning(claimed).select_related("person").first()
    return own or (proxy and proxy.person)


def _by_link(request: HttpRequest, pass_id: str, at: datetime) -> Visit | None:
    link = request.session.get(LINK)
    if not link or link["until"] <= at.timestamp():
        return None
    checks = FaceCheck.objects.select_related("pass_code__person", "account", "task")
    check = checks.filter(pk=link["check"], pass_code__public_id=pass_id).first()
    if check is None or request.user == check.account:
        return None
    proxy = _proxy(check.account, check.pass_code.person)
    has_right = proxy is not None or check.pass_code.person.holder_id == check.account_id
    if check.ended_at is None and not has_right:
        return None
    return Visit(check.pass_code, check.account, proxy, check, by_link=True)


def _by_account(request: HttpRequest, pass_id: str, at: datetime) -> Visit | None:
    account = request.user
    if not account.is_authenticated:
        return None
    pass_code = PassCode.objects.select_related("person").filter(public_id=pass_id).first()
    if pass_code is None:
        return None
    proxy = None
    if pass_code.person.holder_id != account.pk:
        proxy = _proxy(account, pass_code.person)
        if proxy is None or proxy.awaits_consent:
            return None
    checks = FaceCheck.objects.filter(pass_code=pass_code, account=account).select_related("task")
    check = checks.order_by("-pk").first()
    if check is None or check.ended_at is None:
        return Visit(pass_code, account, proxy, check)
    if check.ended_at < at - SHOWN:
        return Visit(pass_code, account, proxy, None)
    if check.state == FaceCheckState.PASSED:
        return Visit(pass_code, account, proxy, check)
    return Visit(pass_code, account, proxy, None, ended=check)


def _proxy(account: Account, person: Person) -> Proxy | None:
    proxy = Proxy.objects.current().of_account(account).filter(person=person).first()
    if proxy:
        proxy.person = person
    return proxy
