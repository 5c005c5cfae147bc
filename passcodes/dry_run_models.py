"""What officers tried on the present population before it counts, and what came of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Task
from healthpass.lib.encryption import EncryptedTextField
from passcodes.risk_models import RiskBatch
from passcodes.rule_models import RuleSet


class DryRun(models.Model):
    """试算: how many people would turn because of a batch of risk data, or of a set of rules. A worker counts."""

    batch = models.ForeignKey(
        RiskBatch, models.CASCADE, null=True, related_name="dry_runs", verbose_name=_("risk batch")
    )
    rule_set = models.ForeignKey(
        RuleSet, models.CASCADE, null=True, related_name="dry_runs", verbose_name=_("set of colour rules")
    )
    content = models.CharField(max_length=32)  # says which: a draft of rules can be edited, a batch put in force
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by"))
    asked_at = models.DateTimeField(_("asked"))
    task = models.ForeignKey(Task, models.SET_NULL, null=True, related_name="+")  # that counts
    finished_at = models.DateTimeField(null=True)  # the moment that was counted for
    result = models.JSONField(null=True)  # the cells of a dry_run.Effect: numbers only
    samples = EncryptedTextField(null=True)  # JSON of them, masked

    class Meta:
        verbose_name = _("dry run")
        verbose_name_plural = _("dry runs")
        constraints = [
            models.CheckConstraint(
                condition=Q(batch__isnull=False, rule_set=None) | Q(batch=None, rule_set__isnull=False),
                name="dry_run_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None, result__isnull=True, samples__isnull=True)
                | Q(finished_at__isnull=False, result__isnull=False, samples__isnull=False),
                name="dry_run_finished_has_its_result",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
