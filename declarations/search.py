"""Finding people by what staff type: a full name, a document number, the last four characters of one, or a phone."""

import re

from accounts.models import Account, IdentifierKind, identifier_hash, last_four_hash
from declarations import documents
from declarations.documents import DocumentKind
from declarations.models import Person, document_hash, name_hash


def search_hashes(typed: str) -> tuple[str, list[str]]:
    """What was typed, `name`, `document` or `last_four`, and the keyed hashes it can stand for."""
    try:
        number = documents.normalise(typed)
    except documents.InvalidNumber:
        number = ""  # too long for one: a name at best
    if not number.isascii() or not re.search(r"\d", number):
        return "name", [name_hash(" ".join(typed.split()))]
    if len(number) == 4:
        return "last_four", [last_four_hash(number)]
    families = {kind.family for kind in DocumentKind}
    return "document", sorted(document_hash(family, number) for family in families)


def real_name_account(phone: str) -> Account | None:
    """The active account with this phone number (E.164), if its holder is a real-name person.

    One query whatever the reason for None is, so that the answer does not tell who is registered.
    """
    person = (
        Person.objects.real_name()
        .filter(
            holder__is_active=True,
            holder__identifiers__kind=IdentifierKind.PHONE,
            holder__identifiers__hash=identifier_hash(IdentifierKind.PHONE, phone),
        )
        .select_related("holder")
        .first()
    )
    return person.holder if person else None
