"""What two offices have to agree to before it counts."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Account, Office, Officer
from healthpass.lib.encryption import EncryptedTextField
from passcodes.legal import LegalBasis
from passcodes.risk_models import RiskBatch, RiskSource
from passcodes.rule_models import RuleSet


class Deed(models.TextChoices):
    """What two offices do together."""

    RELEASE = "release", _("put in force")
    WITHDRAW = "withdraw", _("withdraw")


class ApprovalQuerySet(models.QuerySet):
    def open(self) -> "ApprovalQuerySet":
        """Those that nobody has refused: they wait, or were agreed to."""
        return self.filter(refused_at=None)

    def waiting(self) -> "ApprovalQuerySet":
        """Those that nobody has decided."""
        return self.filter(approved_at=None, refused_at=None)

    def waiting_for(self, account: Account, office: Office) -> "ApprovalQuerySet":
        """Those that this officer could agree to: neither their own draft or proposal, nor one of their office, nor one
        of somebody who decides no more for the office that proposed it.

        A draft is of every office that whoever made it has ever decided for.
        """
        still = Officer.objects.current().filter(account=OuterRef("proposed_by"), office=OuterRef("proposer_office"))
        others = self.waiting().filter(Exists(still)).exclude(proposer_office=office).exclude(proposed_by=account)
        makers = Account.objects.filter(Q(pk=account.pk) | Q(officer_roles__office=office)).values("pk")
        own = Q(batch__created_by__in=makers) | Q(rule_set__created_by__in=makers)
        return others.exclude(own, does=Deed.RELEASE)


class Approval(models.Model):
    """双机关审批: what one officer proposes, with its legal basis, and an officer of another office agrees to.

    That a batch of risk data counts; that a set of colour rules does, or no longer does; what a source of risk data is,
    or that it is ended.
    """

    batch = models.ForeignKey(
        RiskBatch, models.PROTECT, null=True, related_name="approvals", verbose_name=_("risk batch")
    )
    rule_set = models.ForeignKey(
        RuleSet, models.PROTECT, null=True, related_name="approvals", verbose_name=_("set of colour rules")
    )
    risk_source = models.ForeignKey(
        RiskSource, models.PROTECT, null=True, related_name="approvals", verbose_name=_("risk source")
    )
    changes = models.JSONField(default=dict)  # of a source: values by the field's name, see `sources.FIELDS`
    does = models.CharField(_("what is proposed"), max_length=8, choices=Deed, default=Deed.RELEASE)
    basis = models.CharField(_("legal basis"), max_length=10, choices=LegalBasis)
    reason = EncryptedTextField(_("why"), blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("proposed by")
    )
    proposer_office = models.ForeignKey(
        Office, models.PROTECT, related_name="+", verbose_name=pgettext_lazy("of the authority", "office")
    )
    proposed_at = models.DateTimeField(_("proposed"))
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approver_office = models.ForeignKey(
        Office, models.PROTECT, null=True, related_name="+", verbose_name=_("second office")
    )
    approved_at = models.DateTimeField(_("approved"), null=True)
    refused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("refused by")
    )
    refused_at = models.DateTimeField(_("refused"), null=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("proposed_by")), name="approval_by_another_account"
            ),
            models.CheckConstraint(
                condition=Q(approver_office=None) | ~Q(approver_office=F("proposer_office")),
                name="approval_by_another_office",
            ),
            models.CheckConstraint(
                condition=Q(approved_at=None, approved_by=None, approver_office=None)
                | Q(approved_at__isnull=False, approved_by__isnull=False, approver_office__isnull=False),
                name="approval_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(batch__isnull=False, rule_set=None, risk_source=None)
                | Q(batch=None, rule_set__isnull=False, risk_source=None)
                | Q(batch=None, rule_set=None, risk_source__isnull=False),
                name="approval_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(basis__in=LegalBasis.values), name="approval_on_a_listed_basis"),
            models.UniqueConstraint(
                fields=["batch"], condition=Q(refused_at=None), name="approval_of_a_batch_asked_once"
            ),
            models.UniqueConstraint(
                fields=["rule_set", "does"], condition=Q(refused_at=None), name="approval_of_a_rule_set_asked_once"
            ),
            models.UniqueConstraint(
                fields=["risk_source"],
                condition=Q(approved_at=None, refused_at=None),
                name="approval_of_a_source_waits_once",
            ),
            models.CheckConstraint(condition=Q(does__in=Deed.values), name="approval_of_a_known_deed"),
            models.CheckConstraint(condition=Q(batch=None) | Q(does=Deed.RELEASE), name="approval_withdraws_no_batch"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
