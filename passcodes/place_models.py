"""What people answered about named places inside their division: whether they were there, and until when."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from declarations.models import Person
from passcodes.risk_models import RiskArea


class PlaceAnswer(models.Model):
    """场所询问: whether a person was at the named place of a risk area, as they or who acts for them said.

    It counts for every row of that place in force, as lists bring the same place again: a stay from the area's first
    day to `last_on`; without a `last_on` the person lives or works there.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="place_answers", verbose_name=_("person"))
    area = models.ForeignKey(RiskArea, models.PROTECT, related_name="answers", verbose_name=_("risk area"))
    was_there = models.BooleanField(_("was there"))
    last_on = models.DateField(_("last day there"), null=True)
    answered_at = models.DateTimeField(_("answered"))

    class Meta:
        verbose_name = _("answer about a place")
        verbose_name_plural = _("answers about places")
        constraints = [
            models.UniqueConstraint(fields=["person", "area"], name="place_answered_once"),
            models.CheckConstraint(condition=Q(was_there=True) | Q(last_on=None), name="place_last_day_of_a_stay"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
