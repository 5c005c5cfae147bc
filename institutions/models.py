"""Who stands at which door."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from declarations.models import Person


class InstitutionKind(models.TextChoices):
    GOVERNMENT = "government", _("government office")
    ENTERPRISE = "enterprise", _("enterprise")
    RESIDENTIAL = "residential", _("residential compound")
    SHOP = "shop", _("shop")
    SCHOOL = "school", _("school")
    KINDERGARTEN = "kindergarten", _("kindergarten")
    CARE_HOME = "care_home", _("care home")
    HOSPITAL = "hospital", _("hospital")
    TRANSPORT = "transport", _("station, airport or checkpoint")
    OTHER = "other", _("other")


class InstitutionQuerySet(models.QuerySet):
    def administered_by(self, account) -> "InstitutionQuerySet":
        """The institutions this account may see in the console: the one place that decides it."""
        memberships = Membership.objects.current().filter(account=account, role=MembershipRole.ADMIN)
        return self.filter(
            is_active=True, memberships__in=memberships.filter(Q(person=None) | Q(person__holder=account))
        )


class Institution(models.Model):
    """机构: who scans."""

    name = models.CharField(_("name"), max_length=100)
    credit_code = models.CharField(_("unified social credit code"), max_length=18, unique=True)  # GB 32100
    kind = models.CharField(_("kind"), max_length=12, choices=InstitutionKind)
    division = models.PositiveIntegerField(_("division"))  # GB/T 2260
    address = models.CharField(_("address"), max_length=200)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = InstitutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")

    def __str__(self) -> str:
        return self.name


class Entrance(models.Model):
    """出入口: a door of an institution."""

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="entrances", verbose_name=_("institution")
    )
    name = models.CharField(_("name"), max_length=60)
    is_active = models.BooleanField(_("in use"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("entrance")
        verbose_name_plural = _("entrances")
        constraints = [models.UniqueConstraint(fields=["institution", "name"], name="entrance_name_unique")]

    def __str__(self) -> str:
        return self.name


class MembershipRole(models.TextChoices):
    ADMIN = "admin", _("institution admin")
    SCANNER = "scanner", _("scanner")


class MembershipQuerySet(models.QuerySet):
    def current(self) -> "MembershipQuerySet":
        """Memberships that have not ended."""
        return self.filter(ended_at=None)


class Membership(models.Model):
    """An account's role in an institution: admin or scanner. Ended, never deleted: its scans name the account.

    Appointed is the person that the account held then: the role counts only while it holds that person. An admin's
    account without a pass has none.
    """

    institution = models.ForeignKey(
        Institution, models.CASCADE, related_name="memberships", verbose_name=_("institution")
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships", verbose_name=_("account")
    )
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+", editable=False)
    role = models.CharField(_("role"), max_length=7, choices=MembershipRole)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "account", "role"], condition=Q(ended_at=None), name="membership_current_unique"
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_role_display()}"

    @property
    def counts(self) -> bool:
        """Whether the account still holds the person who was appointed; reads `person`."""
        return self.person is None or self.person.holder_id == self.account_id

    def end(self, *, at: datetime) -> None:
        """The account stops acting in this role, from its next request on."""
        self.ended_at = at
        self.save(update_fields=["ended_at"])


class RoleManager(models.Manager.from_queryset(MembershipQuerySet)):
    """Memberships of one role."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role

    def get_queryset(self) -> MembershipQuerySet:
        return super().get_queryset().filter(role=self.role)


class Scanner(Membership):
    """扫码员: a membership that lets a real-name account scan for the institution."""

    ROLE = MembershipRole.SCANNER
    objects = RoleManager(ROLE)

    class Meta:
        proxy = True
        verbose_name = _("scanner")
        verbose_name_plural = _("scanners")


class Administrator(Membership):
    """机构管理员: a membership that opens the console."""

    ROLE = MembershipRole.ADMIN
    objects = RoleManager(ROLE)

    class Meta:
        proxy = True
        verbose_name = _("institution admin")
        verbose_name_plural = _("institution admins")
