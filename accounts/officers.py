"""Which office an officer works for."""

from accounts.models import Account, Office


def office_of(account: Account) -> Office | None:
    """The officer's office, read once a request (the account is loaded anew for each); None if there is none."""
    if not hasattr(account, "officer_office"):
        role = account.officer_roles.current().select_related("office").first()
        account.officer_office = role and role.office
    return account.officer_office
