"""Appeals against what coloured somebody: their words, their documents, the clock, and the answer."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Office
from declarations.models import Person
from healthpass.lib.encryption import EncryptedBytesField, EncryptedTextField

ANSWERED_WITHIN = timedelta(hours=24)
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another


def new_receipt() -> str:
    """A random number that people can read aloud: `7KQ2-M9XD`."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


class AppealState(models.TextChoices):
    """Where an appeal stands."""

    WAITING = "waiting", _("waiting for an answer")
    GRANTED = "granted", _("granted")
    REFUSED = "refused", pgettext_lazy("of an appeal", "refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("of an appeal", "withdrawn")


class Claim(models.TextChoices):
    """What is wrong, in the words of the person."""

    NOT_ME = "not_me", _("This record is not me")
    WAS_NOT_THERE = "was_not_there", _("I was not there")
    ALREADY_ENDED = "already_ended", _("The measure has already ended")
    RECOVERED = "recovered", _("I have recovered, or my test is negative")
    OTHER = "other", _("Something else is wrong")


class AppealQuerySet(models.QuerySet):
    def waiting(self) -> "AppealQuerySet":
        """Those without an answer."""
        return self.filter(state=AppealState.WAITING)

    def overdue(self, at: datetime) -> "AppealQuerySet":
        """Those that should have been answered by then."""
        return self.waiting().filter(due_at__lte=at)


class Appeal(models.Model):
    """申诉: what a person disputes (`fact`, as colour.Reason names it). Of a granted one the fact counts no more."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="appeals", verbose_name=_("person"))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="appeals", verbose_name=_("asked by")
    )
    receipt = models.CharField(_("receipt number"), max_length=9, unique=True, default=new_receipt)
    fact = models.CharField(max_length=60)
    disputed = models.JSONField()  # the reason as it was shown, as a ColourChange keeps it
    office = models.CharField(_("coloured by"), max_length=100, blank=True)  # "" = it follows from the rules
    claim = models.CharField(_("what is wrong"), max_length=13, choices=Claim)
    text = EncryptedTextField(_("in their words"))
    created_at = models.DateTimeField(_("received"))
    due_at = models.DateTimeField(_("to be answered by"))
    state = models.CharField(_("state"), max_length=9, choices=AppealState, default=AppealState.WAITING)
    escalation_of = models.OneToOneField(
        "self", models.CASCADE, null=True, related_name="escalation", verbose_name=_("second appeal after")
    )
    decided_at = models.DateTimeField(_("answered"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("answered by")
    )
    decided_office = models.ForeignKey(
        Office, models.PROTECT, null=True, related_name="appeals", verbose_name=_("answering office")
    )
    answer = EncryptedTextField(_("answer"), null=True)

    objects = AppealQuerySet.as_manager()

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="appeal_waiting"),
            models.Index(fields=["decided_at"], name="appeal_decided"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "fact"],
                condition=Q(escalation_of=None) & ~Q(state="withdrawn"),
                name="one_appeal_against_a_fact",
            ),
            models.CheckConstraint(condition=~Q(fact=""), name="appeal_names_a_fact"),
            models.CheckConstraint(condition=Q(due_at__gt=F("created_at")), name="appeal_due_after_it_came"),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "withdrawn"), decided_at=None)
                | Q(state__in=("granted", "refused"), decided_at__isnull=False),
                name="appeal_answered_has_its_moment",
            ),
        ]

    def __str__(self) -> str:
        return self.receipt

    @property
    def record_id(self) -> int | None:
        """The risk record that was shown; None where it is about something else."""
        return self._id_of("risk")

    @property
    def area_id(self) -> int | None:
        """The risk area that was shown; None where it is about something else."""
        return self._id_of("area")

    def _id_of(self, kind: str) -> int | None:
        named, number = self.fact.split(":")[:2]
        return int(number) if named == kind else None

    def is_overdue(self, at: datetime) -> bool:
        """Whether it should have been answered by then."""
        return self.state == AppealState.WAITING and self.due_at <= at


class AppealDocument(models.Model):
    """A picture that came with an appeal, encrypted: a JPEG made anew. Gone some days after the answer."""

    appeal = models.ForeignKey(Appeal, models.CASCADE, related_name="documents")
    number = models.PositiveSmallIntegerField()
    data = EncryptedBytesField()
    decided_at = models.DateTimeField(null=True, db_index=True)  # of the answer, from which on it is kept a while

    class Meta:
        constraints = [models.UniqueConstraint(fields=["appeal", "number"], name="appeal_document_numbered_once")]

    def __str__(self) -> str:
        return f"#{self.pk}"
