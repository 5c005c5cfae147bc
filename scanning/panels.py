"""What fills a scanner's screen: colour, shape, word and what to do."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from passcodes.evidence import FEVER
from scanning.outcome import Outcome, Temperature, message

PASS, STOP = "pass", "stop"  # a green code with its temperature taken; a fever, whatever the code
NORMAL = Temperature(None)


@dataclass(frozen=True)
class Panel:
    """`name` is the outcome, or pass or stop; `tone` names colour and shape; `word` is empty if the message says it."""

    name: str
    tone: str
    word: str
    message: str


def panel(outcome: Outcome, temperature: Temperature | None = None) -> Panel:
    """The panel of an outcome with its latest temperature, in the language in force."""
    text = message(outcome, temperature)
    if temperature and temperature.is_fever:
        return Panel(STOP, "red", _("May not pass"), text)
    if outcome == Outcome.GREEN and temperature:
        return Panel(PASS, "green", "", text)
    return Panel(outcome.value, outcome.value, _word(outcome), text)


def every_panel() -> list[Panel]:
    """The ten panels, for a page that shows them itself."""
    return [*map(panel, Outcome), panel(Outcome.GREEN, NORMAL), panel(Outcome.GREEN, Temperature(FEVER))]


def _word(outcome: Outcome) -> str:
    match outcome:
        case Outcome.GREEN:
            return ""
        case Outcome.YELLOW:
            return _("Yellow code")
        case Outcome.RED:
            return _("Red code")
        case Outcome.GREY:
            return _("Grey code")
        case Outcome.NEUTRAL:
            return _("Not checked")
        case Outcome.EXPIRED:
            return pgettext("a code", "Expired")
        case Outcome.UNKNOWN:
            return pgettext("a code", "Unknown")
        case Outcome.INVALID:
            return pgettext("a code", "Invalid")
