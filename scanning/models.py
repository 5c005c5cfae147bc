"""The scan log: the table that grows fastest."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from declarations.models import Person
from institutions.models import Entrance, Institution
from scanning import ids
from scanning.outcome import Outcome, Temperature


class ScanQuerySet(models.QuerySet):
    def between(self, start: datetime, end: datetime) -> "ScanQuerySet":
        """Scans of a span of time, by their ids, which is the order and the partition key of the table."""
        return self.filter(id__gte=ids.floor_id(start), id__lt=ids.floor_id(end))


class Scan(models.Model):
    """扫码记录: one reading of one code. No foreign key points to this table: it is partitioned by day."""

    id = models.UUIDField(_("number"), primary_key=True)  # UUIDv7, made on the device
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="scans", db_index=False, verbose_name=_("institution")
    )
    entrance = models.ForeignKey(
        Entrance, models.PROTECT, related_name="scans", db_index=False, verbose_name=_("entrance")
    )
    scanner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False, verbose_name=_("scanner")
    )
    person = models.ForeignKey(
        Person, models.SET_NULL, null=True, related_name="scans", db_index=False, verbose_name=_("person")
    )
    outcome = models.CharField(_("outcome"), max_length=7, choices=Outcome)
    temperature = models.DecimalField(_("temperature"), max_digits=3, decimal_places=1, null=True)  # °C
    found_normal = models.BooleanField(_("found normal, no figure"), default=False)
    repeat_of = models.UUIDField(_("repeats"), null=True)
    digest = models.BinaryField(max_length=8)  # of what was sent: tells a repeat from a conflict
    received_at = models.DateTimeField(_("received"))

    objects = ScanQuerySet.as_manager()

    class Meta:
        verbose_name = _("scan record")
        verbose_name_plural = _("scan records")
        indexes = [
            models.Index(fields=["institution", "-id"], name="scan_of_institution"),
            models.Index(fields=["person", "-id"], name="scan_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}"

    @property
    def scanned_at(self) -> datetime:
        """When the code was read, by the device's clock."""
        return ids.time_of(self.id)

    @property
    def reading(self) -> Temperature | None:
        """The latest temperature, if one was taken."""
        if self.temperature is not None:
            return Temperature(float(self.temperature))
        return Temperature(None) if self.found_normal else None


class ScanEventKind(models.TextChoices):
    READING = "reading", _("temperature")


class ScanEvent(models.Model):
    """扫码事件: what happened to a scan afterwards. Appended only."""

    scan_id = models.UUIDField(_("scan"), db_index=True)
    kind = models.CharField(_("what"), max_length=11, choices=ScanEventKind)
    temperature = models.DecimalField(_("temperature"), max_digits=3, decimal_places=1, null=True)  # °C
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"))
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("scan event")
        verbose_name_plural = _("scan events")

    def __str__(self) -> str:
        return f"{self.kind}"
