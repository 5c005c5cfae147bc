"""Who decides for an office of the authority. Two officers, of two offices, make one, or end another office's."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import audit, desk
from accounts.models import Account, DeskClerk, Office, Officer


class HasOffice(Exception):
    """The account is an officer already, or proposed as one."""


class WorksAtDesk(Exception):
    """Who declares for others at a desk decides nothing."""


class NotAnOfficer(Exception):
    """Whoever decides has no current role."""


class NotYours(Exception):
    """Somebody else has to agree: neither oneself, nor who proposed it, nor anybody of an office that did."""


class NotProposed(Exception):
    """The role was approved or ended before."""


class DecidesForOffice(Exception):
    """The account is an officer's: that role is ended first, by its own office or by two."""


class Lapsed(Exception):
    """Whoever proposed the role has been suspended: nobody agrees to it, it is ended and proposed anew."""


class LastOffices(Exception):
    """Fewer than two offices would have officers then, and nothing could be agreed to any more."""


class EnoughOfficers(Exception):
    """Two offices have officers, or this one has: they make further ones."""


def office_of(account: Account) -> Office | None:
    """The office that the account decides for now, read once a request; None for who is no officer."""
    return account.officer_role and account.officer_role.office


def office_deciding(account: Account) -> Office:
    """As `office_of`, read anew and held until the transaction ends, so that a role that ends meanwhile is none.

    Raises NotAnOfficer.
    """
    role = Officer.objects.current().filter(account=account).select_for_update(of=("self",)).select_related("office")
    if (found := role.first()) is None:
        raise NotAnOfficer
    return found.office


def add_officer(*, account: Account, office: Office, by: Account, at: datetime) -> Officer:
    """A proposal, which opens nothing until another office agrees.

    Raises NotAnOfficer, NotYours, HasOffice, WorksAtDesk.
    """
    if account == by:
        raise NotYours
    try:
        with transaction.atomic():
            own = office_deciding(by)
            _check_desk(account)
            officer = Officer.objects.create(account=account, office=office, added_by=by)
            _record("add", officer, by, at, by_office=own.pk)
    except IntegrityError as error:
        raise HasOffice from error
    return officer


def may_approve(officer: Officer, account: Account) -> bool:
    """Whether `approve_officer` would take it from this account now."""
    own = office_of(account)
    waits = officer.ended_at is None and officer.approved_at is None
    if not (waits and own) or account.pk in (officer.account_id, officer.added_by_id) or has_lapsed(officer):
        return False
    return own.pk not in _offices_of_proposer(officer)


def has_lapsed(officer: Officer) -> bool:
    """Whether a proposal is of an account that is suspended."""
    suspended = Account.objects.filter(pk=officer.added_by_id, is_active=False)
    return officer.approved_at is None and suspended.exists()


@transaction.atomic
def approve_officer(*, officer: Officer, by: Account, at: datetime) -> None:
    """The role begins.

    Raises NotAnOfficer; NotYours for who proposed it or is of the same office; NotProposed; Lapsed.
    """
    own = office_deciding(by)
    if by.pk in (officer.account_id, officer.added_by_id) or own.pk in _offices_of_proposer(officer):
        raise NotYours
    if has_lapsed(officer):
        raise Lapsed
    waiting = Officer.objects.open().filter(pk=officer.pk, approved_at=None)
    if not waiting.update(approved_by=by, approved_at=at):
        raise NotProposed
    officer.approved_by, officer.approved_at = by, at
    _record("approve", officer, by, at, by_office=own.pk)


@transaction.atomic
def end_officer(*, officer: Officer, by: Account, at: datetime) -> bool:
    """Whether the role has ended: the account is out at its next request. A proposal is refused, by any one officer.

    One of its own office ends a role; else it is only asked for, until an officer of another office asks too. Raises
    NotAnOfficer; LastOffices.
    """
    current = _current_locked()
    own = office_deciding(by)
    found = Officer.objects.open().filter(pk=officer.pk).first()
    if found and found.approved_at:
        _check_others_decide(found, current)
        if not (own.pk == found.office_id or _is_asked_by_another(found, by, own, current)):
            Officer.objects.filter(pk=found.pk).update(end_asked_by=by, end_asked_office=own)
            _record("ask-end", found, by, at, by_office=own.pk)
            return False
    _end(officer, by, at)
    return True


def decides(account: Account) -> bool:
    """Whether the account has been an officer since, and nobody has ended it; also while it is suspended."""
    return Officer.objects.approved().filter(account=account).exists()


def is_last(account: Account) -> bool:
    """Whether without the account fewer than two offices would have officers."""
    others = Officer.objects.current().exclude(account=account)
    return decides(account) and others.values("office").distinct().count() < 2


@transaction.atomic
def end_roles(*, account: Account, by: Account, at: datetime) -> None:
    """Nothing that was given to who had the account is left to it: it is closed, or they have moved to another one.

    Raises LastOffices.
    """
    current = _current_locked()
    own = next((role for role in current if role.account_id == account.pk), None)
    if own:
        _check_others_decide(own, current)
    for clerk in DeskClerk.objects.current().filter(account=account):
        desk.end_clerk(clerk=clerk, by=by, at=at)
    for officer in Officer.objects.open().filter(account=account):
        _end(officer, by, at)


def _current_locked() -> list[Officer]:
    """All in one order, so that of two roles that end at once the second finds the first ended."""
    return list(Officer.objects.current().select_for_update(of=("self",)).order_by("pk"))


def _check_others_decide(officer: Officer, current: list[Officer]) -> None:
    """Raise LastOffices if it counts and fewer than two offices would be left. One that is suspended does not count."""
    if (
        officer.pk in {role.pk for role in current}
        and len({role.office_id for role in current if role.pk != officer.pk}) < 2
    ):
        raise LastOffices


def _is_asked_by_another(officer: Officer, by: Account, own: Office, current: list[Officer]) -> bool:
    """Whether an officer of yet another office has asked for the end, who decides for that one still."""
    asked = officer.end_asked_by_id, officer.end_asked_office_id
    is_another = by.pk != officer.end_asked_by_id and own.pk != officer.end_asked_office_id
    return is_another and asked in {(role.account_id, role.office_id) for role in current}


def _end(officer: Officer, by: Account, at: datetime) -> None:
    if Officer.objects.open().filter(pk=officer.pk).update(ended_at=at):
        officer.ended_at = at
        _record("end", officer, by, at)


@transaction.atomic
def add_first_officer(*, account: Account, office: Office, at: datetime) -> Officer:
    """One whom nobody can propose yet: only where fewer than two offices have officers, and this one has none.

    Raises EnoughOfficers, HasOffice, WorksAtDesk.
    """
    offices = set(Officer.objects.current().values_list("office", flat=True))
    if len(offices) > 1 or office.pk in offices:
        raise EnoughOfficers
    try:
        with transaction.atomic():
            _check_desk(account)
            officer = Officer.objects.create(account=account, office=office, approved_at=at)
    except IntegrityError as error:
        raise HasOffice from error
    _record("first", officer, None, at)
    return officer


def _check_desk(account: Account) -> None:
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)  # of both roles at once one is too late
    if DeskClerk.objects.current().filter(account=account).exists():
        raise WorksAtDesk


def _offices_of_proposer(officer: Officer) -> set[int]:
    """Every office that the proposer has decided for since: moving to another does not make two of one."""
    roles = Officer.objects.filter(account=officer.added_by_id, approved_at__isnull=False)
    still = roles.exclude(ended_at__lt=officer.created_at)
    return set(still.values_list("office", flat=True))


def _record(verb: str, officer: Officer, by: Account | None, at: datetime, **detail) -> None:
    subject = f"officer:{officer.pk}"
    audit.record(by=by, action=f"{verb}-officer", subject=subject, at=at, office=officer.office_id, **detail)
