"""Pass codes, and the rows that their colour is derived from."""

import secrets
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from declarations.models import Person
from passcodes.colour import Colour, RiskCategory, RiskLevel


def new_public_id() -> str:
    """8 random bytes in hex: they say nothing about the person."""
    return secrets.token_hex(8)


class PassCode(models.Model):
    """健康通行码: the code of a person."""

    person = models.OneToOneField(Person, models.CASCADE, related_name="pass_code", verbose_name=_("person"))
    public_id = models.CharField(_("public id"), max_length=16, unique=True, default=new_public_id)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("pass code")
        verbose_name_plural = _("pass codes")

    def __str__(self) -> str:
        return self.public_id


class RiskRecordQuerySet(models.QuerySet):
    def in_force(self, at: datetime) -> "RiskRecordQuerySet":
        """Records whose measure has begun and not ended."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at)


class RiskRecord(models.Model):
    """风险人员: a person's category in the epidemic database, met by the keyed hash of the document number."""

    document_hash = models.CharField(max_length=32, db_index=True, editable=False)
    category = models.CharField(_("category"), max_length=20, choices=RiskCategory)
    starts_at = models.DateTimeField(_("measure begins"))
    ends_at = models.DateTimeField(_("measure ends"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=100)
    office = models.CharField(_("office"), max_length=100)
    office_phone = models.CharField(_("office phone"), max_length=30)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, editable=False, verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = RiskRecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("risk record")
        verbose_name_plural = _("risk records")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=models.F("starts_at")), name="risk_record_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.category} #{self.pk}"


class RiskArea(models.Model):
    """风险地区: the level of a division between two dates."""

    division = models.PositiveIntegerField(_("division"), db_index=True)  # GB/T 2260
    level = models.CharField(_("level"), max_length=6, choices=RiskLevel)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=100)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("risk area")
        verbose_name_plural = _("risk areas")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")), name="risk_area_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.level} {self.division}"


class GateReading(models.Model):
    """测温记录: a temperature at a gate that matters to the colour. Scanning writes it with the scan."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="gate_readings")
    temperature = models.DecimalField(max_digits=3, decimal_places=1, null=True)  # °C; null = found normal, no figure
    taken_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["person", "-taken_at"], name="gate_reading_latest")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ColourChange(models.Model):
    """A colour that was shown and differs from the one shown before, with its reasons."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="colour_changes", verbose_name=_("person"))
    colour = models.PositiveSmallIntegerField(_("colour"), choices=Colour)
    reasons = models.JSONField(_("reasons"), default=list)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("colour change")
        verbose_name_plural = _("colour changes")
        indexes = [models.Index(fields=["person", "-at"], name="colour_change_latest")]

    def __str__(self) -> str:
        return f"{self.get_colour_display()}"
