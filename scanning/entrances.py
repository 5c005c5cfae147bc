"""Which entrances an account may scan for."""

from django.db.models import QuerySet

from accounts.models import Account
from institutions.models import Entrance, Membership, MembershipRole


def open_to(account: Account) -> QuerySet[Entrance]:
    """Entrances in use, of active institutions that the account scans for now; with their institution, by name.

    The person who was made a scanner has to be the one whom the account holds: a number may get another owner.
    """
    memberships = Membership.objects.current().filter(
        account=account, role=MembershipRole.SCANNER, person__holder=account
    )
    return (
        Entrance.objects.filter(
            is_active=True, institution__is_active=True, institution__in=memberships.values("institution")
        )
        .select_related("institution")
        .order_by("institution__name", "institution_id", "name")
    )
