"""Make the first officers of an empty installation: one each of two offices. They make all others, two by two."""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts import office_names, officers, phones
from accounts.models import Account, IdentifierKind, Office
from declarations import divisions


class Command(BaseCommand):
    help = (
        "Make an account that has signed in with this phone the first officer of an office. Works twice, for two"
        " offices; from then on officers are proposed and approved at /admin/. The officer makes the password at"
        " /admin/setup/, within seven days."
    )

    def add_arguments(self, parser):
        parser.add_argument("phone", help="the phone number that the account signs in with")
        parser.add_argument("--office", required=True, metavar="NAME", help="name of the office, made if need be")
        parser.add_argument("--office-phone", default="", metavar="PHONE", help="of a new office, for people to call")
        parser.add_argument("--division", type=int, default=0, metavar="CODE", help="of a new office, GB/T 2260")

    @transaction.atomic
    def handle(self, *args, phone: str, office: str, office_phone: str, division: int, **options):
        account = account_with(phone)
        try:
            office = office_names.clean(office)
        except (office_names.NotShown, office_names.TooLong) as error:
            raise CommandError("The office's name is too long, or holds characters that cannot be shown.") from error
        found = Office.objects.filter(name=office).order_by("pk").first()
        try:
            officers.add_first_officer(
                account=account, office=found or new_office(office, office_phone, division), at=timezone.now()
            )
        except officers.HasOffice as error:
            raise CommandError("This account is an officer already, or proposed as one.") from error
        except officers.WorksAtDesk as error:
            raise CommandError("This account works at a desk: that role has to end first.") from error
        except officers.EnoughOfficers as error:
            raise CommandError(
                "The office has officers, or two others have: further ones are proposed and approved at /admin/."
            ) from error
        self.stdout.write(f"An officer of {office}. The next step is theirs: /admin/setup/.")


def account_with(phone: str) -> Account:
    """The account of this number. Raises CommandError."""
    try:
        account = Account.objects.by_identifier(IdentifierKind.PHONE, phones.normalise(phone))
    except phones.InvalidPhone as error:
        raise CommandError(f"{phone}: not a phone number.") from error
    if account is None:
        raise CommandError("Nobody has signed in with this phone number yet: do that first, at /login/.")
    return account


def new_office(name: str, phone: str, division: int) -> Office:
    """Made with what people see of it. Raises CommandError."""
    if not (name and phone and divisions.known(division) and division != divisions.ABROAD):
        raise CommandError("A new office needs --office-phone, and --division with a code that there is.")
    office = Office(name=name, phone=phone, division=division)
    if office_names.key(name) in map(office_names.key, Office.objects.values_list("name", flat=True)):
        raise CommandError("There is an office of this name, written otherwise.")
    office.save()
    return office
