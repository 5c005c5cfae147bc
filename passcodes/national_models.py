"""For which declarations the national platform has been asked."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from declarations.models import Declaration


class NationalQueryQuerySet(models.QuerySet):
    def open(self) -> "NationalQueryQuerySet":
        """Those without an answer."""
        return self.filter(answered_at=None)

    def due(self, at: datetime) -> "NationalQueryQuerySet":
        """Those whose turn it is, first come, first served; whether the person is real-name has to be looked at."""
        return self.open().filter(due_at__lte=at).order_by("due_at", "pk").select_related("declaration__person")

    def hurry(self, person_id: int, at: datetime) -> None:
        """Somebody looks at this person's code, which waits for an answer: it may have been proven just now.

        Questions that were put in vain keep their time.
        """
        self.open().filter(declaration__person=person_id, tries=0, due_at__gt=at).update(due_at=at)


class NationalQuery(models.Model):
    """One question to the national platform: about the person of a declaration, which is neutral until `answered_at`.

    What was answered is in the epidemic database, as batches of that source.
    """

    declaration = models.OneToOneField(
        Declaration, models.CASCADE, primary_key=True, related_name="national_query", editable=False
    )
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()  # not asked before: later with each try in vain, and while the identity is unproven
    tries = models.PositiveSmallIntegerField(default=0)
    answered_at = models.DateTimeField(null=True)

    objects = NationalQueryQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(answered_at=None), name="national_query_open")]

    def __str__(self) -> str:
        return f"#{self.pk}"
