"""What goes when an account acts for somebody no more: its face check and its check by a person, with all pictures."""

from datetime import datetime

from django.db.models import Exists, F, OuterRef, QuerySet

from accounts.models import Account
from declarations import proxies
from declarations.models import Proxy
from passcodes import document_checks, face_checks
from passcodes.models import DocumentCheck, FaceCheck

BATCH = 500


def end(*, proxy: Proxy, by: Account, at: datetime) -> None:
    """The account stops acting for the person, and what it had begun for them ends too."""
    proxies.end_proxy(proxy=proxy, by=by, at=at)
    end_checks(proxy=proxy, by=by, at=at)


def end_checks(*, proxy: Proxy, by: Account | None, at: datetime) -> None:
    """End the account's checks of the person; for whoever has ended the relation itself."""
    mine = {"account": proxy.account_id, "pass_code__person": proxy.person_id}
    _withdraw(DocumentCheck.objects.waiting().filter(**mine), FaceCheck.objects.open().filter(**mine), by, at)


def sweep(at: datetime) -> None:
    """End checks whose relation has been ended elsewhere: by an officer, or by a person who now holds themselves."""
    _withdraw(_orphans(DocumentCheck.objects.waiting()), _orphans(FaceCheck.objects.open()), None, at)


def _orphans(checks: QuerySet) -> QuerySet:
    """Those whose account neither holds the person nor acts or claims to act for them."""
    relations = Proxy.objects.current().filter(account=OuterRef("account"), person=OuterRef("pass_code__person"))
    return checks.exclude(Exists(relations)).exclude(pass_code__person__holder=F("account"))


def _withdraw(by_person: QuerySet, by_face: QuerySet, by: Account | None, at: datetime) -> None:
    for check in by_person.defer("photo")[:BATCH]:
        try:
            document_checks.withdraw(check=check, by=by, at=at)
        except document_checks.NotWaiting:
            continue
    for check in by_face[:BATCH]:
        face_checks.withdraw(check=check, by=by, at=at)
