"""The placeholders in a rule's texts, which stand for what somebody's colour rests on."""

import re

from django.utils.translation import gettext as _

from passcodes.colour import Condition

PLACE, DAY = "%(place)s", "%(day)s"

# What is always known where a condition applies. Of the others nothing: the text would have a hole.
KNOWN = {
    Condition.RISK: (DAY,),
    Condition.AREA: (PLACE, DAY),
    Condition.ABROAD: (PLACE, DAY),
    Condition.CONTACT: (PLACE, DAY),
    Condition.SYMPTOMS: (DAY,),
    Condition.GATE_FEVER: (DAY,),
}
# Whatever looks like one: also "%(day)" without its "s", "％（day）s" of a Chinese keyboard, "%(地点)s", "%s", "%%". A
# percent sign alone is text, as in "100% sure".
LIKE_ONE = re.compile(
    r"[%％](?:[(（]\s*[a-z_]\w*\s*[)）]?[a-z]?|[(（][^()（）%]*[)）][a-z]|[%％]|[a-z])", re.ASCII | re.IGNORECASE
)


def unknown(text: str, condition: str) -> list[str]:
    """What looks like a placeholder in the text of such a rule, but would be shown to the holder as it stands."""
    known = KNOWN.get(condition, ())
    return [found for found in dict.fromkeys(LIKE_ONE.findall(text)) if found not in known]


def objection(found: list[str], condition: str) -> str:
    """Why such a rule cannot have these in its texts, and what it can have."""
    values = {"found": ", ".join(found), "known": ", ".join(KNOWN.get(condition, ()))}
    if not values["known"]:
        return _("%(found)s: of this condition there is no place or day that a text could name.") % values
    return _("%(found)s cannot be filled in. A text of this condition can have: %(known)s") % values


def filled(text: str, *, place: str, day: str) -> str:
    """The text for a holder."""
    return text.replace(PLACE, place).replace(DAY, day)
