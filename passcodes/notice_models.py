"""Notices: who is to be told that a colour has changed, and what has been searched for such people."""

from datetime import datetime

from django.conf import settings
from django.db import models

from declarations.models import Person
from passcodes.colour import Colour


class NoticeKind(models.TextChoices):
    """What a notice tells."""

    TURNED = "turned"  # yellow or red now
    RETURNED = "returned"  # no longer
    WITHDRAWN = "withdrawn"  # no longer, because what it rested on has been withdrawn


class NoticeQuerySet(models.QuerySet):
    def due(self, at: datetime) -> "NoticeQuerySet":
        """Those whose time has come and that nothing has come of yet."""
        return self.filter(settled_at=None, due_at__lte=at)

    def sent(self) -> "NoticeQuerySet":
        """Those that have told somebody."""
        return self.exclude(sent_at=None)


class Notice(models.Model):
    """变码提醒: somebody may have to be told of a colour, once for one `cause`; of what, is seen when it is due.

    `cause`: "released:<batch>", "withdrawn:<batch>"; "rules:<version>", "rules:<version>:withdrawn"; of what an officer
    ended, "ended:<record>", "ended:area:<area>:<last day>"; "overdue:<appeal>", "appeal:<appeal>" of one that was
    answered or withdrawn; "shown:<colour change>"; or "moment:<time>" of a change to come.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="notices")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    cause = models.CharField(max_length=40)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    settled_at = models.DateTimeField(null=True)  # sent, given up, or nothing to tell
    sent_at = models.DateTimeField(null=True)
    kind = models.CharField(max_length=9, choices=NoticeKind, blank=True)  # of one that was sent
    colour = models.PositiveSmallIntegerField(choices=Colour, null=True)  # of one that was sent

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "account", "cause"], name="notice_once_for_its_cause")]
        indexes = [models.Index(fields=["due_at", "id"], condition=models.Q(settled_at=None), name="notice_open")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class Shown(models.Model):
    """The colour that an account was last shown of a person, at its latest change: what it need not be told.

    What anybody else was shown, at a door or on another phone, it may not know.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="shown", db_index=False)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="shown")
    colour = models.PositiveSmallIntegerField(choices=Colour)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "account"], name="shown_once_to_an_account")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class NoticeSearch(models.Model):
    """A cause whose people have been looked for; "shown": up to which ColourChange (`position`)."""

    cause = models.CharField(max_length=40, unique=True)
    position = models.BigIntegerField(default=0)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.cause
