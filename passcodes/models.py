"""Pass codes, and the rows that their colour is derived from."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Task
from declarations.models import Person
from healthpass.lib.encryption import EncryptedBytesField, EncryptedTextField
from passcodes.appeal_models import Appeal as Appeal
from passcodes.appeal_models import AppealDocument as AppealDocument
from passcodes.approval_models import Approval as Approval
from passcodes.colour import Colour
from passcodes.dry_run_models import DryRun as DryRun
from passcodes.findings import LiveFinding
from passcodes.national_models import NationalQuery as NationalQuery
from passcodes.notice_models import Notice as Notice
from passcodes.notice_models import NoticeSearch as NoticeSearch
from passcodes.place_models import PlaceAnswer as PlaceAnswer
from passcodes.risk_models import RiskArea as RiskArea
from passcodes.risk_models import RiskBatch as RiskBatch
from passcodes.risk_models import RiskRecord as RiskRecord
from passcodes.risk_models import RiskSource as RiskSource
from passcodes.rule_models import ColourRule as ColourRule
from passcodes.rule_models import RuleSet as RuleSet


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


class FaceCheckState(models.TextChoices):
    """Where a face check stands."""

    PHOTO = "photo", _("waits for a photo")
    PHOTO_CHECK = "photo_check", _("the photo is being looked at")
    READY = "ready", _("the photo is good; the live check can begin")
    LIVE = "live", _("movements have been asked for")
    LIVE_CHECK = "live_check", _("the live pictures are being looked at")
    PASSED = "passed", _("passed")
    ENDED = "ended", _("ended without a result")


class FaceCheckQuerySet(models.QuerySet):
    def open(self) -> "FaceCheckQuerySet":
        """Checks that have not come to an end."""
        return self.filter(ended_at=None)


class FaceCheck(models.Model):
    """人脸识别验证: a person's live face held against a photo, with consent. Pictures go when it ends; this stays."""

    pass_code = models.ForeignKey(PassCode, models.CASCADE, related_name="face_checks")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="face_checks")  # proxy or holder
    state = models.CharField(max_length=11, choices=FaceCheckState, default=FaceCheckState.PHOTO)
    consented_at = models.DateTimeField()
    photo_finding = models.CharField(max_length=20, blank=True)  # PictureFinding or PhotoFinding of the latest photo
    aim_finding = models.CharField(max_length=20, blank=True)  # Aim: how the face lies in the camera's picture
    task = models.ForeignKey(Task, models.SET_NULL, null=True, related_name="+")  # what the check waits for
    ended_at = models.DateTimeField(null=True)

    objects = FaceCheckQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pass_code", "account"], condition=Q(ended_at=None), name="one_open_face_check_of_an_account"
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class FaceTry(models.Model):
    """One challenge of a face check and what came of it: all that stays of a face."""

    check_of = models.ForeignKey(FaceCheck, models.CASCADE, related_name="tries")
    key = models.CharField(max_length=32, unique=True)  # random; whoever answers names it, once
    challenge = models.JSONField()  # Movements in their order
    challenged_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    frame_hashes = models.JSONField(default=list)  # keyed hashes of the files: none may come again
    look_hashes = models.JSONField(default=list)  # keyed hashes of how each frame looks (`looks.look`): the same
    finding = models.CharField(max_length=20, choices=LiveFinding, blank=True)
    quality = models.CharField(max_length=20, blank=True)  # PhotoFinding, where the photo or the start was at fault
    distance = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    model = models.CharField(max_length=60, blank=True)
    authority = models.CharField(max_length=11, blank=True)  # identity.Result, where the authority was asked
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"#{self.pk}"


class FaceImageKind(models.TextChoices):
    """What a picture is for."""

    PHOTO = "photo", _("photo")
    AIM = "aim", _("for help with holding the camera")
    FRAME = "frame", _("live picture")


class FaceImage(models.Model):
    """A picture of an open face check, encrypted, for the worker. Deleted when the check ends, or after a day."""

    check_of = models.ForeignKey(FaceCheck, models.CASCADE, related_name="images")
    kind = models.CharField(max_length=5, choices=FaceImageKind)
    number = models.PositiveSmallIntegerField(default=0)  # order of the frames
    at = models.FloatField(default=0)  # seconds after the challenge
    data = EncryptedBytesField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["check_of", "kind", "number"], name="face_image_numbered_once")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class FaceLink(models.Model):
    """A one-time link that brings an open face check to the person's own phone, kept as a keyed hash."""

    check_of = models.ForeignKey(FaceCheck, models.CASCADE, related_name="links")
    hash = models.CharField(max_length=32, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"#{self.pk}"


class DocumentCheckState(models.TextChoices):
    """Where a check by a person stands."""

    WAITING = "waiting", _("waiting")
    APPROVED = "approved", _("document seen")
    REFUSED = "refused", _("refused")
    LAPSED = "lapsed", _("not decided in time")
    WITHDRAWN = "withdrawn", _("withdrawn")


class DocumentCheckQuerySet(models.QuerySet):
    def waiting(self) -> "DocumentCheckQuerySet":
        """Those that an officer has still to decide."""
        return self.filter(state=DocumentCheckState.WAITING)


class DocumentCheck(models.Model):
    """人工核验: an officer looks at a photo of the document with its owner, instead of a face check."""

    pass_code = models.ForeignKey(PassCode, models.CASCADE, related_name="document_checks", verbose_name=_("pass code"))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="document_checks", verbose_name=_("asked by")
    )
    photo = EncryptedBytesField(null=True)  # gone with the decision, or after a day
    note = EncryptedTextField(_("note"), null=True)
    state = models.CharField(_("state"), max_length=9, choices=DocumentCheckState, default=DocumentCheckState.WAITING)
    asked_at = models.DateTimeField(_("asked"))
    waiting_since = models.DateTimeField(_("waiting since"))  # of an earlier one that lapsed: its place is kept
    decided_at = models.DateTimeField(_("decided"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    reason = EncryptedTextField(_("reason"), null=True)

    objects = DocumentCheckQuerySet.as_manager()

    class Meta:
        verbose_name = _("check by a person")
        verbose_name_plural = _("checks by a person")
        constraints = [
            models.UniqueConstraint(
                fields=["pass_code", "account"],
                condition=Q(state="waiting"),
                name="one_waiting_document_check_of_an_account",
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
