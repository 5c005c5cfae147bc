"""On what law an officer acts. Closed: what is not listed here colours nobody."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LegalBasis(models.TextChoices):
    """法律依据. Articles are those of the text whose year is given: revisions number them anew."""

    CASES = (
        "cases",
        _("Law on the Prevention and Treatment of Infectious Diseases (2013), article 39: cases and contacts"),
    )
    AREAS = (
        "areas",
        _("Law on the Prevention and Treatment of Infectious Diseases (2013), article 42: emergency measures"),
    )
    EMERGENCY = "emergency", _("Emergency Response Law (2007), article 49: public health emergencies")
    REGULATION = "regulation", _("Regulation on Public Health Emergencies (2011), articles 33 and 41")
    BORDER = "border", _("Frontier Health and Quarantine Law (2018), article 12: arrivals from abroad")
