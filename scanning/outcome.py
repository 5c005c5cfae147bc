"""查验结果: the eight outcomes of reading a code, kept apart, and what a scanner is told to do."""

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from passcodes.colour import Colour
from passcodes.evidence import FEVER


class Outcome(models.TextChoices):
    GREEN = "green", gettext_lazy("green")
    YELLOW = "yellow", gettext_lazy("yellow")
    RED = "red", gettext_lazy("red")
    GREY = "grey", gettext_lazy("grey")
    NEUTRAL = "neutral", gettext_lazy("neutral")
    EXPIRED = "expired", gettext_lazy("expired")
    UNKNOWN = "unknown", gettext_lazy("unknown")
    INVALID = "invalid", gettext_lazy("invalid")


# What a genuine, live code of a pass gives; the other outcomes say nothing about the person who stands there.
OF_COLOUR = {
    Colour.GREEN: Outcome.GREEN,
    Colour.YELLOW: Outcome.YELLOW,
    Colour.RED: Outcome.RED,
    Colour.GREY: Outcome.GREY,
    Colour.NEUTRAL: Outcome.NEUTRAL,
}


@dataclass(frozen=True)
class Temperature:
    """A reading at the door: a figure in °C, or found normal without one (`celsius` None)."""

    celsius: float | None

    @property
    def is_fever(self) -> bool:
        return self.celsius is not None and self.celsius >= FEVER


def message(outcome: Outcome, temperature: Temperature | None) -> str:
    """What to do at the door, in the language in force. Never the reason for a colour."""
    if temperature and temperature.is_fever:
        return _("37.3 °C or more: may not pass. Follow the fever procedure.")
    match outcome:
        case Outcome.GREEN:
            return _("May pass") if temperature else _("Green code · take the temperature")
        case Outcome.YELLOW:
            return _("May not pass. Follow the procedure for yellow codes.")
        case Outcome.RED:
            return _("May not pass. Keep a distance and follow the procedure for red codes.")
        case Outcome.GREY:
            return _("No current declaration · ask the person to declare, then scan again.")
        case Outcome.NEUTRAL:
            return _("Not checked · register the identity card and take the temperature.")
        case Outcome.EXPIRED:
            return _("This code has expired or is a screenshot · ask for the live code.")
        case Outcome.UNKNOWN:
            return _("This code is not known here · ask for the identity card.")
        case Outcome.INVALID:
            return _("This is not a health code.")
