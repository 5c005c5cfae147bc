"""What an office may be called: people, and the rule that no office answers for its own colours, go by the name."""

import unicodedata

LONGEST = 100
BLANK = set("\u115f\u1160\u2800")  # letters and signs that show nothing
MARKS = ("Mn", "Mc", "Me")  # what composes with no letter: it hides in the one before


class NotShown(Exception):
    """It holds characters that nobody sees, or that turn the text around them."""


class TooLong(Exception):
    """More than LONGEST characters."""


def clean(typed: str) -> str:
    """The name in Unicode's compatible composed form, with single blanks. Raises NotShown, TooLong."""
    if len(typed) > LONGEST:
        raise TooLong
    name = " ".join(unicodedata.normalize("NFKC", typed).split())
    if any(not c.isprintable() or c in BLANK or unicodedata.category(c) in MARKS for c in name):
        raise NotShown
    if len(name) > LONGEST:
        raise TooLong
    return name


def key(name: str) -> str:
    """What two spellings of one name have in common."""
    shown = (c for c in unicodedata.normalize("NFKC", name) if c.isprintable() and c not in BLANK)
    return "".join("".join(shown).split()).casefold()
