"""Appealing and answering, as the tests of appeals do again and again."""

from django.utils import timezone

from declarations.models import Person
from passcodes import appeals, facts
from passcodes.actions import show_colour
from passcodes.models import Appeal
from passcodes.reasons import address_key
from tests import factories
from tests.passcodes.document_check.steps import browser, picture, upload

__all__ = ["browser", "picture", "upload"]
WORDS = "名单上的人不是我，只是同名"
ANSWER = "核对后确认身份证号登记有误"


def officer(office: str, phone: str):
    """An officer of the office of this name."""
    return factories.account(phone=phone, office=factories.office(name=office))


def reasons(code, at=None):
    """The reasons of the colour of a code."""
    at = at or timezone.now()
    return show_colour(row=facts.for_person(person_id=code.person_id, at=at), at=at).reasons


def form_address(code, reason=None) -> str:
    """Where the code's first reason, or this one, is appealed against."""
    return f"/code/{code.public_id}/appeal/?about={address_key(reason or reasons(code)[0], code.person_id)}"


def colour(code, at=None) -> str:
    at = at or timezone.now()
    return show_colour(row=facts.for_person(person_id=code.person_id, at=at), at=at).colour.name.lower()


def file(code, account, at=None, documents=(), claim="not_me") -> Appeal:
    at = at or timezone.now()
    return appeals.file(
        person=code.person,
        reason=reasons(code, at)[0],
        claim=claim,
        text=WORDS,
        documents=documents,
        by=account,
        at=at,
    )


def decide(appeal, by, granted=True, at=None) -> None:
    appeals.decide(appeal=appeal, granted=granted, answer=ANSWER, by=by, at=at or timezone.now())


def file_before(code, account, **fields) -> Appeal:
    """Filed by somebody else at a time when the person had no account of their own."""
    holder = Person.objects.get(pk=code.person_id).holder
    Person.objects.filter(pk=code.person_id).update(holder=None)
    appeal = file(code, account, **fields)
    Person.objects.filter(pk=code.person_id).update(holder=holder)
    return appeal
