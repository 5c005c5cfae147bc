"""Finding people by what staff type: a full name, a document number, or the last four characters of one."""

import re

from accounts.models import last_four_hash
from declarations import documents
from declarations.documents import DocumentKind
from declarations.models import document_hash, name_hash


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
