"""Writes for the desk's clerks: who works at which office's desk."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import Account, DeskClerk, Office, Officer


class HasDesk(Exception):
    """The account works at a desk already."""


class IsOfficer(Exception):
    """Who decides for an office of the authority, or is proposed for it, works at no desk."""


def clerk_of(account: Account) -> DeskClerk | None:
    """The account's current role at a desk, read once a request (the account is loaded anew for each)."""
    if not hasattr(account, "desk_clerk"):
        account.desk_clerk = account.desk_roles.current().select_related("office").first()
    return account.desk_clerk


def add_clerk(*, account: Account, office: Office, by: Account, at: datetime) -> DeskClerk:
    """The account works at the office's desk from now on. Raises HasDesk, IsOfficer."""
    try:
        with transaction.atomic():
            Account.objects.select_for_update(no_key=True).get(pk=account.pk)  # of both roles at once one is too late
            if Officer.objects.open().filter(account=account).exists():
                raise IsOfficer
            clerk = DeskClerk.objects.create(account=account, office=office, added_by=by)
            audit.record(by=by, action="add-deskclerk", subject=f"deskclerk:{clerk.pk}", at=at, office=office.pk)
    except IntegrityError as error:
        raise HasDesk from error
    return clerk


@transaction.atomic
def end_clerk(*, clerk: DeskClerk, by: Account, at: datetime) -> None:
    """The account is out of the desk at its next request."""
    if DeskClerk.objects.current().filter(pk=clerk.pk).update(ended_at=at):
        audit.record(by=by, action="end-deskclerk", subject=f"deskclerk:{clerk.pk}", at=at, office=clerk.office_id)
