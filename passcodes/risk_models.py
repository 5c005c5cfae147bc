"""The epidemic database: where it comes from, in which batches, and its rows, which count while it is visible."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Office
from declarations import divisions
from healthpass.lib.encryption import EncryptedTextField
from passcodes.colour import RiskCategory, RiskLevel
from passcodes.years import FIRST_DAY, LAST_DAY

MANUAL = "manual"  # the slug of the source of what officers enter one by one
NATIONAL = "national"  # and of that of the national platform's answers


class RiskSourceQuerySet(models.QuerySet):
    def stale(self, at: datetime) -> "RiskSourceQuerySet":
        """Those whose data are older than their limit, so that nobody is green."""
        return self.filter(stale_from__lte=at)

    def silent(self, at: datetime) -> "list[RiskSource]":
        """Those with a limit of which no data have come to count since they were agreed to, for longer than it is.

        They make nobody neutral: their limit begins with the first data.
        """
        unheard = self.agreed().filter(heard_at=None, fresh_hours__isnull=False)
        return [source for source in unheard if source.is_stale(source.agreed_at, at)]

    def agreed(self) -> "RiskSourceQuerySet":
        """Those from which lists are taken: two offices have agreed to them, and no officer has ended that."""
        return self.filter(agreed_at__isnull=False)


class RiskSource(models.Model):
    """风险数据来源: who sends lists, with which key, and how old they may become.

    Two offices decide what stands here (`sources.py`). What one has proposed stands with the Approval until then.
    """

    slug = models.SlugField(_("short name"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=100)
    deciding_office = models.ForeignKey(
        Office, models.PROTECT, null=True, related_name="+", verbose_name=pgettext_lazy("of the authority", "office")
    )  # whose lists they are; null = unknown, as the national platform's
    # Of rows that name no office themselves: the deciding office's, when two offices agreed.
    office = models.CharField(_("office"), max_length=100, blank=True)
    office_phone = models.CharField(_("office phone"), max_length=30, blank=True)
    fresh_hours = models.PositiveSmallIntegerField(
        _("freshness limit in hours"), null=True, blank=True, validators=[MinValueValidator(1)]
    )  # null = never stale
    key = EncryptedTextField(_("key"), null=True)  # signs pushes and pulls; null = neither is possible
    # The first half of a new key, until an officer of another office has made the second one.
    key_begun = EncryptedTextField(null=True, editable=False)
    key_begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    key_begun_office = models.ForeignKey(Office, models.PROTECT, null=True, related_name="+")
    pull_url = models.URLField(_("address to pull from"), max_length=300, blank=True)
    cursor = models.CharField(max_length=200, blank=True, editable=False)  # where the next pull begins
    heard_at = models.DateTimeField(null=True, editable=False)  # it sent what counts, or said that nothing is new
    last_fresh_at = models.DateTimeField(_("last data"), null=True, editable=False)  # the same, not beyond what waits
    stale_from = models.DateTimeField(_("stale from"), null=True, editable=False)  # follows from the two, for the facts
    agreed_at = models.DateTimeField(_("agreed to"), null=True, editable=False)  # null = no list is taken from it
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = RiskSourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("risk source")
        verbose_name_plural = _("risk sources")

    def __str__(self) -> str:
        return self.name

    def stale_after(self, fresh_at: datetime | None) -> datetime | None:
        """When data of `fresh_at` are too old; None = never, as where nothing has come yet."""
        return fresh_at + timedelta(hours=self.fresh_hours) if fresh_at and self.fresh_hours else None

    def is_stale(self, fresh_at: datetime | None, at: datetime) -> bool:
        """Whether data of `fresh_at` are too old."""
        stale_from = self.stale_after(fresh_at)
        return stale_from is not None and stale_from <= at


class BatchState(models.TextChoices):
    """Where a batch stands. Only the rows of visible ones count."""

    DRAFT = "draft", _("waits for release")
    VISIBLE = "visible", _("in force")
    WITHDRAWN = "withdrawn", _("withdrawn")
    REFUSED = "refused", _("refused")


class BatchWay(models.TextChoices):
    """How a batch came in."""

    MANUAL = "manual", _("entered by an officer")
    UPLOAD = "upload", _("uploaded")
    COMMAND = "command", _("imported on the server")
    PUSH = "push", _("pushed")
    PULL = "pull", _("pulled")
    NATIONAL = "national", _("asked of the national platform")


BY_HAND = (BatchWay.MANUAL, BatchWay.UPLOAD)  # an officer has chosen whom
SENT = (BatchWay.COMMAND, BatchWay.PUSH, BatchWay.PULL)  # the source itself has


class BatchKind(models.TextChoices):
    """What the rows of a list are about."""

    PEOPLE = "people", _("listed people")
    AREAS = "areas", _("areas")


class RiskBatch(models.Model):
    """风险数据批次: what came in at once. It begins to count, and ceases to, in one step: by its state."""

    source = models.ForeignKey(RiskSource, models.PROTECT, related_name="batches", verbose_name=_("source"))
    name = models.CharField(_("batch id"), max_length=64)  # the sender's
    digest = models.CharField(max_length=64, blank=True, editable=False)  # keyed, of the content
    kind = models.CharField(_("about"), max_length=6, choices=BatchKind)
    way = models.CharField(_("way in"), max_length=8, choices=BatchWay)
    state = models.CharField(_("state"), max_length=9, choices=BatchState, default=BatchState.DRAFT)
    rows = models.PositiveIntegerField(_("rows"), default=0)  # read: the next three together
    applied = models.PositiveIntegerField(_("rows taken"), default=0)
    errors = models.PositiveIntegerField(_("rows with errors"), default=0)
    duplicates = models.PositiveIntegerField(_("repeated rows"), default=0)
    has_managed = models.BooleanField(default=False, editable=False)  # rows of people who are otherwise managed
    problems = models.JSONField(default=list, editable=False)  # the first errors: [line, column, risk_rows.Problem]
    sample = EncryptedTextField(null=True)  # JSON of the first rows, masked, until somebody has decided
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"))
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("released by")
    )
    released_office = models.ForeignKey(
        Office, models.PROTECT, null=True, related_name="+", verbose_name=pgettext_lazy("of the authority", "office")
    )  # of whoever put it in force, then
    released_at = models.DateTimeField(_("released"), null=True)
    renews = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="renewal", verbose_name=_("renews batch")
    )
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("withdrawn by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)  # or refused

    class Meta:
        verbose_name = _("risk batch")
        verbose_name_plural = _("risk batches")
        indexes = [
            models.Index(fields=["source"], condition=Q(state="draft"), name="risk_batch_waiting"),
            # What has just begun or ceased to count: the worker looks every minute.
            models.Index(fields=["released_at"], name="risk_batch_released"),
            models.Index(fields=["withdrawn_at"], name="risk_batch_withdrawn"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "name"], name="risk_batch_named_once_by_its_source"),
            models.CheckConstraint(
                condition=~Q(state="visible") | Q(released_at__isnull=False), name="risk_batch_in_force_was_released"
            ),
            models.CheckConstraint(
                condition=~Q(state="withdrawn") | Q(released_at__isnull=False, withdrawn_at__isnull=False),
                name="risk_batch_withdrawn_was_in_force",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class RiskRecordQuerySet(models.QuerySet):
    def in_force(self, at: datetime) -> "RiskRecordQuerySet":
        """Records of visible batches whose measure has begun and not ended."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at), starts_at__lte=at, batch__state=BatchState.VISIBLE)


class RiskRecord(models.Model):
    """风险人员: a person's category in the epidemic database, met by the keyed hash of the document number.

    Lists have millions of rows, so there is as little on a row as can be: one index, no constraint that would look the
    batch up for each, and on PostgreSQL a BRIN index, which knows where in the file a batch lies. Batches are never
    deleted. Who entered it and when is the batch's to tell.
    """

    batch = models.ForeignKey(
        RiskBatch,
        models.PROTECT,
        related_name="records",
        editable=False,
        db_constraint=False,
        db_index=False,
        verbose_name=_("batch"),
    )
    document_hash = models.CharField(max_length=32, editable=False)
    category = models.CharField(_("category"), max_length=20, choices=RiskCategory)
    starts_at = models.DateTimeField(_("measure begins"))
    begun_at = models.DateTimeField(null=True, editable=False)  # of a renewed one: when the measure first began
    ends_at = models.DateTimeField(_("measure ends"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=100, blank=True)  # as the list has it, beside the batch's
    office = models.CharField(_("office"), max_length=100)
    office_phone = models.CharField(_("office phone"), max_length=30)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        db_constraint=False,
        db_index=False,
    )  # the officer who ended it before its time; null = it ends as it was listed

    objects = RiskRecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("risk record")
        verbose_name_plural = _("risk records")
        indexes = [models.Index(fields=["document_hash"], name="risk_record_document")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")), name="risk_record_ends_after_start"
            )
        ]

    def __str__(self) -> str:
        return f"{self.category} #{self.pk}"


class RiskArea(models.Model):
    """风险地区: the level of a division, or of a named place inside one, between two dates.

    Nobody declares places, so who was near one is asked: see `places`.
    """

    batch = models.ForeignKey(
        RiskBatch, models.PROTECT, related_name="areas", editable=False, db_index=False, verbose_name=_("batch")
    )
    division = models.PositiveIntegerField(_("division"), db_index=True)  # GB/T 2260
    place = models.CharField(
        _("named place"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("Empty: the whole division."),
    )
    level = models.CharField(_("level"), max_length=6, choices=RiskLevel)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=100, blank=True)
    # Who decided it. Empty in rows of batches of which that is not known: there the rule's office answers.
    office = models.CharField(_("office"), max_length=100, blank=True, default="", db_default="")
    office_phone = models.CharField(_("office phone"), max_length=30, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("risk area")
        verbose_name_plural = _("risk areas")
        indexes = [models.Index(fields=["division"], condition=Q(place__gt=""), name="risk_area_named")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="risk_area_ends_after_start"
            ),
            # What lies far off is in no calendar a few days later, and would stop every page of who lives there.
            models.CheckConstraint(
                condition=Q(Q(ends_on=None) | Q(ends_on__lte=LAST_DAY), starts_on__range=(FIRST_DAY, LAST_DAY)),
                name="risk_area_within_the_years",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level} {self.division}"

    @property
    def full_name(self) -> str:
        """辽宁省沈阳市和平区太原街市场."""
        return f"{divisions.full_name(self.division)}{self.place}"
