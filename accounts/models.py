"""Who can sign in, on which browsers, with which one-time codes; and the audit of what was done."""

from datetime import datetime, timedelta
from functools import cached_property

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.office_models import DeskClerk as DeskClerk
from accounts.office_models import Office as Office
from accounts.office_models import Officer as Officer
from healthpass.lib.encryption import EncryptedTextField, keyed_hash
from healthpass.lib.masks import mask_phone

CODE_LIFE = timedelta(minutes=5)
CODE_TRIES = 5
CODE_RESEND = timedelta(seconds=60)
IDENTIFIER_REST = timedelta(days=90)  # unused for longer, a number may have a new owner
DEVICE_KEY_LIFE = timedelta(days=90)


class AccountManager(BaseUserManager):
    """Finds accounts by what people sign in with."""

    def by_identifier(self, kind: str, value: str) -> "Account | None":
        """The active account that has this phone number (E.164) or e-mail address."""
        return self.filter(
            identifiers__kind=kind, identifiers__hash=identifier_hash(kind, value), is_active=True
        ).first()


class Account(AbstractBaseUser):
    """账号: somebody who can sign in. Residents have no password; staff have one and a second factor."""

    is_active = models.BooleanField(_("active"), default=True)
    # Keyed hash of the last four characters of the holder's document, or of the first person they act for if they have
    # declared for others only: asked for when a number may have a new owner.
    last_four_hash = models.CharField(max_length=32, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = AccountManager()

    USERNAME_FIELD = "id"

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_staff(self) -> bool:
        """Whether the account has a password: only staff do. Which site it may enter, the site decides."""
        return bool(self.password) and self.has_usable_password()

    @cached_property
    def officer_role(self) -> "Officer | None":
        """The account's current role as an officer, read once: the account is loaded anew for each request."""
        return self.officer_roles.current().select_related("office").first()

    @property
    def is_officer(self) -> bool:
        """Whether the account decides for an office of the authority now."""
        return self.officer_role is not None

    def has_perm(self, perm: str, obj=None) -> bool:
        """Nobody has Django's permissions: each ModelAdmin grants explicitly."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        """As `has_perm`."""
        return False


class IdentifierKind(models.TextChoices):
    """What an account signs in with."""

    PHONE = "phone", _("phone number")
    EMAIL = "email", _("e-mail address")


def identifier_hash(kind: str, value: str) -> str:
    """The keyed hash an identifier is looked up by."""
    return keyed_hash(f"identifier-{kind}", value)


def last_four_hash(number: str) -> str:
    """The keyed hash of the last four characters of a document number (upper-case, as it is printed)."""
    return keyed_hash("document-last-four", number[-4:])


class Identifier(models.Model):
    """登录标识: a phone number (E.164) or an e-mail address of an account."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="identifiers", verbose_name=_("account"))
    kind = models.CharField(_("kind"), max_length=5, choices=IdentifierKind)
    value = EncryptedTextField(_("value"))
    hash = models.CharField(max_length=32, editable=False)
    used_at = models.DateTimeField(_("last signed in"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("identifier")
        verbose_name_plural = _("identifiers")
        constraints = [models.UniqueConstraint(fields=["kind", "hash"], name="identifier_unique")]

    def __str__(self) -> str:
        return mask_phone(self.value) if self.kind == IdentifierKind.PHONE else f"…{self.value[-6:]}"


class Device(models.Model):
    """A browser that an account has signed in on; told by a long-lived cookie, of which only a hash is kept."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="devices")
    hash = models.CharField(max_length=32)
    seen_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        # The hash first: a browser is also looked for whoever has signed in on it.
        constraints = [models.UniqueConstraint(fields=["hash", "account"], name="device_unique")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class DeviceKey(models.Model):
    """设备密钥: a browser's random secret, good for one pass (`subject` = its public id) or for scanning ("").

    The hot paths resolve it inside their one statement, so deleting the row stops the browser at its next request.
    """

    hash = models.CharField(max_length=32, primary_key=True)
    account = models.ForeignKey(Account, models.CASCADE, related_name="device_keys")
    device = models.ForeignKey(Device, models.CASCADE, related_name="keys")
    subject = models.CharField(max_length=16, blank=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="device_key_expires")]  # for the purge

    def __str__(self) -> str:
        return self.hash[:6]


class OneTimeCodeQuerySet(models.QuerySet):
    def alive(self, at: datetime) -> "OneTimeCodeQuerySet":
        """Codes that can still be used."""
        return self.filter(used_at=None, expires_at__gt=at, tries__lt=CODE_TRIES)


class OneTimeCode(models.Model):
    """A code sent to a phone or address. The browser that asked holds its id, so nobody else can use up its tries."""

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=5, choices=IdentifierKind)
    value = EncryptedTextField()
    identifier_hash = models.CharField(max_length=32)
    code_hash = models.CharField(max_length=32)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = OneTimeCodeQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.id)


class LimitCounter(models.Model):
    """How often something was done in one window of time. `accounts.limits` checks and counts in one statement."""

    key = models.CharField(max_length=80)
    window_start = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window_start"], name="limit_counter_unique")]
        indexes = [models.Index(fields=["window_start"], name="limit_counter_window")]  # for the purge

    def __str__(self) -> str:
        return f"{self.key.partition(':')[0]} {self.count}"


class AuditEntry(models.Model):
    """What an account did that must be answerable for. Inserted only; holds ids, never personal data."""

    at = models.DateTimeField(_("time"))
    actor = models.ForeignKey(
        Account, models.PROTECT, null=True, related_name="+", verbose_name=_("by"), help_text=_("empty: the system")
    )
    action = models.CharField(_("action"), max_length=40)
    subject = models.CharField(_("on"), max_length=80)
    detail = models.JSONField(_("detail"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        indexes = [
            models.Index(fields=["subject", "at"], name="audit_subject"),
            models.Index(fields=["at"], name="audit_at"),  # for the count of look-ups
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class AuditSegmentQuerySet(models.QuerySet):
    def newest(self) -> "AuditSegment | None":
        """The end of the chain."""
        return self.order_by("-number").first()


class AuditSegment(models.Model):
    """A link of the audit's chain: the rows sealed at one time. Stays when they go; made by `accounts.sealing`."""

    number = models.BigIntegerField(primary_key=True)  # 1, 2, 3 and so on, without gaps
    sealed_at = models.DateTimeField(db_index=True)
    newest_at = models.DateTimeField()  # of its rows: when they are old enough to be dropped
    last_id = models.BigIntegerField()  # the highest audit row sealed so far
    count = models.PositiveIntegerField()
    total = models.PositiveBigIntegerField()  # rows sealed so far
    root = models.CharField(max_length=64)  # of its rows' seals
    head = models.CharField(max_length=64)  # of the head before, and of all above
    dropped_at = models.DateTimeField(null=True)  # its rows were old enough and are gone
    dropped_seal = models.BinaryField(max_length=32, null=True)  # keyed, of when that was: only the worker can drop

    objects = AuditSegmentQuerySet.as_manager()

    def __str__(self) -> str:
        return f"#{self.number}"


class AuditSeal(models.Model):
    """The seal of one audit row: which segment it is in, and a keyed digest of what it says."""

    # Without a constraint, so that a row that was taken away leaves its seal behind.
    entry = models.OneToOneField(
        AuditEntry, models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="seal"
    )
    segment = models.ForeignKey(AuditSegment, models.PROTECT, related_name="seals")
    digest = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"#{self.entry_id}"


class TaskQuerySet(models.QuerySet):
    def open(self) -> "TaskQuerySet":
        """Tasks that wait or run."""
        return self.filter(done_at=None)

    def due(self, at: datetime) -> "TaskQuerySet":
        """Open tasks whose time has come and that no worker holds: never taken, or the worker's lease has ended."""
        free = models.Q(taken_until=None) | models.Q(taken_until__lte=at)
        return self.open().filter(free, run_at__lte=at)

    def in_order(self) -> "TaskQuerySet":
        """First come, first served."""
        return self.order_by("run_at", "id")


class Task(models.Model):
    """What `manage.py work` has to do once, or again and again (`repeats`). `accounts.tasks` has the life of a row."""

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=80, blank=True)  # ids, as in an audit row; never personal data
    repeats = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    run_at = models.DateTimeField()
    taken_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    failed = models.CharField(max_length=40, blank=True)  # why the last try failed: a code, never a message

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(repeats=True, done_at=None), name="task_repeats_once"
            )
        ]
        indexes = [models.Index(fields=["run_at", "id"], condition=models.Q(done_at=None), name="task_open")]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"
