"""The colour rules as rows: sets of them, of which the latest released one decides."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from passcodes.colour import Colour, Condition, RiskCategory, RiskLevel, Rule

LANGUAGES = ("zh-hans", "en")  # every rule has its words in these


class RuleSetState(models.TextChoices):
    """Where a set of rules stands. Only a draft can be edited; only a released one counts."""

    DRAFT = "draft", _("draft")
    RELEASED = "released", _("released")
    WITHDRAWN = "withdrawn", _("withdrawn")
    DISCARDED = "discarded", _("discarded")  # a draft that nobody wants any more


class RuleSet(models.Model):
    """赋码规则集: all rules of a time. The released one with the latest `valid_from` decides every colour."""

    number = models.PositiveIntegerField(_("version"), unique=True)  # comes with the facts; the cache's key
    state = models.CharField(_("state"), max_length=9, choices=RuleSetState, default=RuleSetState.DRAFT)
    note = models.CharField(_("what changes and why"), max_length=300, blank=True)
    valid_from = models.DateTimeField(_("counts from"), null=True, blank=True)  # null = from its release
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"))
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("released by")
    )
    released_at = models.DateTimeField(_("released"), null=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("withdrawn by")
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)
    discarded_at = models.DateTimeField(_("discarded at"), null=True)  # by who made it

    class Meta:
        verbose_name = _("set of colour rules")
        verbose_name_plural = _("sets of colour rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "discarded"]) | Q(released_at__isnull=False, valid_from__isnull=False),
                name="rule_set_in_force_was_released",
            ),
            models.CheckConstraint(
                condition=~Q(state="withdrawn") | Q(withdrawn_at__isnull=False), name="rule_set_withdrawn_says_when"
            ),
            models.CheckConstraint(
                condition=Q(state="discarded", discarded_at__isnull=False, released_at=None)
                | (~Q(state="discarded") & Q(discarded_at=None)),  # the rules of any with a time go
                name="rule_set_discarded_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"


class ColourRule(models.Model):
    """赋码规则: a fixed kind of condition with its parameters, its words in each language, and the office to ask."""

    rule_set = models.ForeignKey(RuleSet, models.CASCADE, related_name="rules")
    condition = models.CharField(
        _("condition"), max_length=20, choices=[choice for choice in Condition.choices if choice[0] != "identity"]
    )
    parameter = models.CharField(
        _("category or level"), max_length=20, blank=True, choices=[*RiskCategory.choices, *RiskLevel.choices]
    )
    colour = models.PositiveSmallIntegerField(_("colour"), choices=[item for item in Colour.choices if item[0]])
    days = models.PositiveSmallIntegerField(_("days"), default=0)
    hours = models.PositiveSmallIntegerField(_("hours"), default=0)
    reason = models.JSONField(_("reason"), default=dict)  # language -> text
    next_step = models.JSONField(_("what to do next"), default=dict)  # language -> text
    office = models.CharField(_("office"), max_length=100, blank=True)
    office_phone = models.CharField(_("office phone"), max_length=30, blank=True)
    valid_from = models.DateTimeField(_("from"), null=True, blank=True)
    valid_to = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("colour rule")
        verbose_name_plural = _("colour rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_to__gt=F("valid_from")),
                name="colour_rule_ends_after_start",
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def value(self) -> Rule:
        """The rule as `colour.assess` takes it."""
        return Rule(
            Condition(self.condition),
            Colour(self.colour),
            self.parameter,
            days=self.days,
            hours=self.hours,
            id=self.pk or 0,
            office=self.office,
            office_phone=self.office_phone,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )
