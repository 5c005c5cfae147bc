"""For which declarations the national platform has been asked."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from declarations.models import Assurance, Declaration


class NationalQueryQuerySet(models.QuerySet):
    def open(self) -> "NationalQueryQuerySet":
        """Those without an answer."""
        return self.filter(answered_at=None)

    def due(self, at: datetime) -> "NationalQueryQuerySet":
        """Whom to ask about now, first come, first served: of a merely declared person nothing is ever asked."""
        real_name = self.open().filter(declaration__person__assurance__gt=Assurance.DECLARED, due_at__lte=at)
        return real_name.order_by("due_at", "pk").select_related("declaration__person")


class NationalQuery(models.Model):
    """One question to the national platform: about the person of a declaration, which is neutral until `answered_at`.

    What was answered is in the epidemic database, as batches of that source.
    """

    declaration = models.OneToOneField(
        Declaration, models.CASCADE, primary_key=True, related_name="national_query", editable=False
    )
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()  # not asked before: later with each try in vain
    tries = models.PositiveSmallIntegerField(default=0)
    answered_at = models.DateTimeField(null=True)

    objects = NationalQueryQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(answered_at=None), name="national_query_open")]

    def __str__(self) -> str:
        return f"#{self.pk}"
