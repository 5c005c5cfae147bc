"""Offices of the authority, and who works for them: officers decide, desk clerks help people without a phone."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower, Replace
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Office(models.Model):
    """机关: a body of the authority that people can call, for a division and all that lie in it.

    Of one name, however it is spaced, as `office_names.clean` makes it: people, and the rule that no office answers for
    its own colours, go by it.
    """

    name = models.CharField(_("name"), max_length=100)
    phone = models.CharField(_("phone"), max_length=30)
    division = models.PositiveIntegerField(_("division"))  # GB/T 2260
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = pgettext_lazy("of the authority", "office")
        verbose_name_plural = _("offices")
        constraints = [
            models.UniqueConstraint(
                Lower(Replace(Replace("name", models.Value(" ")), models.Value("\u3000"))),
                name="office_named_once",
                violation_error_message=_("There is an office with this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def covers(self, division: int) -> bool:
        """Whether a division (GB/T 2260) is the office's own or lies in it."""
        width = 10000 if self.division % 10000 == 0 else 100 if self.division % 100 == 0 else 1
        return division // width == self.division // width


class DeskClerkQuerySet(models.QuerySet):
    def current(self) -> "DeskClerkQuerySet":
        """Clerks who may work at their desk now."""
        return self.filter(ended_at=None)


class DeskClerk(models.Model):
    """服务台: an account that helps people without a phone at an office's desk, until `ended_at`."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="desk_roles", verbose_name=_("account")
    )
    office = models.ForeignKey(
        Office, models.PROTECT, related_name="clerks", verbose_name=pgettext_lazy("of the authority", "office")
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("added by")
    )
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = DeskClerkQuerySet.as_manager()

    class Meta:
        verbose_name = _("desk clerk")
        verbose_name_plural = _("desk clerks")
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(ended_at=None), name="one_desk_at_a_time_for_an_account"
            )
        ]

    def __str__(self) -> str:
        return f"#{self.account_id}"


class OfficerQuerySet(models.QuerySet):
    def open(self) -> "OfficerQuerySet":
        """Roles that have not ended, also those that wait for approval."""
        return self.filter(ended_at=None)

    def approved(self) -> "OfficerQuerySet":
        """Roles that two offices have agreed to, also of accounts that are suspended."""
        return self.open().filter(approved_at__isnull=False)

    def current(self) -> "OfficerQuerySet":
        """Officers who may decide now: approved, and not suspended."""
        return self.approved().filter(account__is_active=True)


class Officer(models.Model):
    """审核员: an account that decides for an office, from `approved_at` until `ended_at`.

    Proposed by an officer, approved by one of another office. The first of an installation name nobody.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="officer_roles", verbose_name=_("account")
    )
    office = models.ForeignKey(
        Office, models.PROTECT, related_name="officers", verbose_name=pgettext_lazy("of the authority", "office")
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("proposed by")
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    # An officer of another office who wants the role ended, and that office: it takes two.
    end_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("asked to end it")
    )
    end_asked_office = models.ForeignKey(Office, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("proposed"), auto_now_add=True)
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = OfficerQuerySet.as_manager()

    class Meta:
        verbose_name = _("officer")
        verbose_name_plural = _("officers")
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(ended_at=None), name="one_office_at_a_time_for_an_officer"
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by=None)
                | ~models.Q(approved_by=models.F("added_by")) & ~models.Q(approved_by=models.F("account")),
                name="officer_approved_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(added_by=None) | ~models.Q(added_by=models.F("account")),
                name="officer_proposed_by_another",
            ),
            models.CheckConstraint(
                condition=models.Q(added_by=None)
                | models.Q(approved_at=None, approved_by=None)
                | models.Q(approved_at__isnull=False, approved_by__isnull=False),
                name="officer_approved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.account_id}"
