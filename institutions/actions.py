"""Writes of the institutions app."""

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import Account
from declarations.models import Person
from institutions.models import Institution, Membership


@transaction.atomic
def add_member(
    *, institution: Institution, account: Account, role: str, by: Account | None, at: datetime
) -> Membership:
    """The account's person's current membership in this role: an existing one, or a new one with its audit row.

    One that the account was given for somebody else, who has had its number before, ends.
    """
    person = Person.objects.held_by(account).first()
    current = Membership.objects.current().filter(institution=institution, account=account, role=role)
    for member in current.exclude(person=person):
        end_member(member=member, by=by, at=at)
    member, created = current.get_or_create(
        defaults={"institution": institution, "account": account, "role": role, "person": person, "added_by": by}
    )
    if created:
        audit.record(by=by, action=f"add-{role}", subject=f"membership:{member.pk}", at=at, institution=institution.pk)
    return member


@transaction.atomic
def end_member(*, member: Membership, by: Account | None, at: datetime) -> None:
    """The account stops acting in this role, from its next request on."""
    member.end(at=at)
    audit.record(
        by=by, action=f"end-{member.role}", subject=f"membership:{member.pk}", at=at, institution=member.institution_id
    )
