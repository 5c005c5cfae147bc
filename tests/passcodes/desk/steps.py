"""What a clerk sends, and what the tests of the desk do again and again."""

import json
import re
from datetime import date

from django.utils import timezone

from accounts.models import Account, AuditEntry, DeskClerk
from declarations.models import Assurance, Proxy
from declarations.questions import Answers, Claim
from tests import factories

NUMBER = factories.DOCUMENTS[1]
LOOK = {"document_kind": "01", "document_number": NUMBER, "name": "李小花", "seen": "on"}
ANSWERS = {
    "version": "1",
    "document_kind": "01",
    "document_number": NUMBER,
    "name": "李小花",
    "sex": "2",
    "birth_date": "1990-01-01",
    "phone": "",
    "province": "210000",
    "county": "210102",
    "address": "中山路1号",
    "travel": "no",
    "contact": "no",
    "temperature": "no",
    "affirmation": "on",
}
CLAIM = Claim("李小花", "01", NUMBER, "2", date(1990, 1, 1))
HEALTHY = Answers("", 210102, "中山路1号", False, False, False, "")


def sent(outbox) -> list[dict]:
    lines = outbox.read_text(encoding="utf-8").splitlines() if outbox.exists() else []
    return [json.loads(line) for line in lines]


def clerk_at(office, phone) -> Account:
    account = factories.account(phone=phone)
    DeskClerk.objects.create(account=account, office=office)
    return account


def pages_of(person) -> list[str]:
    base = f"/desk/person/{person.pk}/"
    return [base, *(f"{base}{page}/" for page in ("declare", "paper", "phone", "phone/code"))]


def served(desk, person) -> str:
    """The address of the person's desk page, their document affirmed as seen."""
    response = desk.post("/desk/", LOOK | {"name": person.name, "document_number": person.document_number})
    assert response.url == f"/desk/person/{person.pk}/"
    return response.url


def audited(**fields) -> list[str]:
    return list(AuditEntry.objects.filter(**fields).order_by("pk").values_list("action", flat=True))


def claim_for(account, *, acting=False) -> Proxy:
    """A relation to the account's own unproven person with the mother's document."""
    claimed = factories.person(name="李小花", number=NUMBER, assurance=Assurance.DECLARED)
    now = timezone.now()
    return Proxy.objects.create(
        account=account, person=claimed, relation="parent", created_at=now, confirmed_at=now if acting else None
    )


def give(desk, page, outbox, phone="13912345678"):
    """Send the code, and enter what the person reads out."""
    assert desk.post(f"{page}phone/", {"phone": phone}).url == f"{page}phone/code/"
    digits = re.search(r"\d{6}", sent(outbox)[-1]["text"])[0]
    return desk.post(f"{page}phone/code/", {"digits": digits})


def agree(desk, page, outbox):
    """The person, who has an account, reads out the code that came to its phone."""
    assert desk.post(f"{page}owner/").url == f"{page}owner/code/"
    digits = re.search(r"\d{6}", sent(outbox)[-1]["text"])[0]
    return desk.post(f"{page}owner/code/", {"digits": digits})
