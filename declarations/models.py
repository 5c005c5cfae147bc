"""Who people are and what was said about their health."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from declarations.documents import DocumentKind
from declarations.questions import StayAnswer
from healthpass.lib.encryption import EncryptedTextField, keyed_hash, keyed_hasher
from healthpass.lib.masks import mask_document, mask_name

ADULT_AGE = 16  # years


def document_hash(kind: str, number: str) -> str:
    """The keyed hash a person and a risk record meet by; `number` as `documents.normalise` gives it."""
    return keyed_hash(f"document-{DocumentKind(kind).family}", number)


def document_hasher(kind: str) -> Callable[[str], str]:
    """`document_hash` of one kind, for millions of numbers."""
    return keyed_hasher(f"document-{DocumentKind(kind).family}")


def name_hash(name: str) -> str:
    """Looked up by an institution that searches its records for a name."""
    return keyed_hash("name", name.casefold())


class Assurance(models.IntegerChoices):
    """实名等级: how we know that the person is who they say. Real-name means more than declared."""

    DECLARED = 0, _("declared")
    AUTHORITY = 1, _("confirmed by the authority")
    FACE = 2, _("face checked")
    OFFICER = 3, _("document seen")


class Sex(models.TextChoices):
    """GB/T 2261.1."""

    MALE = "1", _("male")
    FEMALE = "2", _("female")


class PersonQuerySet(models.QuerySet):
    def held_by(self, account) -> "PersonQuerySet":
        """The person that this account holds as itself: one at the most."""
        return self.filter(holder=account)

    def real_name(self) -> "PersonQuerySet":
        """People whose identity has been checked."""
        return self.filter(assurance__gt=Assurance.DECLARED)

    def with_document(self, kind: str, number: str) -> "PersonQuerySet":
        """Everybody, and every unproven claim, with this document."""
        return self.filter(document_hash=document_hash(kind, number))


class Person(models.Model):
    """居民: a human with a document number. An unproven claim to a document is a Person of its own account."""

    holder = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="person", verbose_name=_("holder")
    )
    name = EncryptedTextField(_("name"))
    name_hash = models.CharField(max_length=32, db_index=True, editable=False)
    document_kind = models.CharField(_("document"), max_length=2, choices=DocumentKind)
    document_number = EncryptedTextField(_("document number"))
    document_hash = models.CharField(max_length=32, db_index=True, editable=False)
    document_last_four_hash = models.CharField(max_length=32, db_index=True, editable=False)
    sex = models.CharField(_("sex"), max_length=1, choices=Sex)
    birth_date = EncryptedTextField(_("birth date"))  # ISO 8601
    assurance = models.PositiveSmallIntegerField(_("assurance"), choices=Assurance, default=Assurance.DECLARED)
    needs_desk = models.BooleanField(_("to be settled at a desk"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(
                fields=["document_hash"],
                condition=models.Q(assurance__gt=Assurance.DECLARED),
                name="one_real_name_person_per_document",
            )
        ]

    def __str__(self) -> str:
        return self.masked_name

    @property
    def is_real_name(self) -> bool:
        """Whether the identity has been checked."""
        return self.assurance > Assurance.DECLARED

    @property
    def masked_name(self) -> str:
        return mask_name(self.name)

    @property
    def masked_document(self) -> str:
        return mask_document(self.document_number)

    @property
    def born_on(self) -> date:
        return date.fromisoformat(self.birth_date)

    def is_child(self, day: date) -> bool:
        """Whether the person is under 16 on that day: guardians act for children."""
        born = self.born_on
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day)) < ADULT_AGE


class Relation(models.TextChoices):
    """What the person is to the account that acts for them."""

    PARENT = "parent", _("my parent")
    CHILD = "child", _("my child")
    SPOUSE = "spouse", _("my spouse")
    GRANDPARENT = "grandparent", _("my grandparent")
    WARD = "ward", _("my ward")
    OTHER = "other", _("somebody else")

    @property
    def neutral_label(self) -> str:
        """The same in the words of others than that account."""
        return NEUTRAL_LABELS[self]


NEUTRAL_LABELS = {
    Relation.PARENT: pgettext_lazy("relation of the person to the account", "parent"),
    Relation.CHILD: pgettext_lazy("relation of the person to the account", "child"),
    Relation.SPOUSE: pgettext_lazy("relation of the person to the account", "spouse"),
    Relation.GRANDPARENT: pgettext_lazy("relation of the person to the account", "grandparent"),
    Relation.WARD: pgettext_lazy("relation of the person to the account", "ward"),
    Relation.OTHER: pgettext_lazy("relation of the person to the account", "other"),
}


class ProxyQuerySet(models.QuerySet):
    def current(self) -> "ProxyQuerySet":
        """Relations that nobody has ended."""
        return self.filter(ended_at=None)

    def acting(self) -> "ProxyQuerySet":
        """Current ones that may show the person's code."""
        return self.current().exclude(confirmed_at=None)

    def of_account(self, account) -> "ProxyQuerySet":
        """Whom this account acts for, or has asked to."""
        return self.filter(account=account)

    def concerning(self, person: Person) -> "ProxyQuerySet":
        """Who acts for this person, or claims somebody with the same document: all that a real-name person may see."""
        return self.filter(person__document_hash=person.document_hash)

    def to_be_decided_by(self, account) -> "ProxyQuerySet":
        """Requests that this account agrees to or refuses, as `proxies.may_decide` says of each."""
        first_guardian = Proxy.objects.acting().filter(person=models.OuterRef("person")).order_by("confirmed_at", "pk")
        asked = self.current().filter(confirmed_at=None, person__assurance__gt=Assurance.DECLARED)
        return asked.annotate(first_guardian=models.Subquery(first_guardian.values("account")[:1])).filter(
            models.Q(person__holder=account) | models.Q(person__holder=None, first_guardian=account.pk)
        )

    def with_last_declaration(self) -> "ProxyQuerySet":
        """Each with `last_id` and `last_at` of what its own account last declared for this document, or None."""
        own = Declaration.objects.filter(
            account=models.OuterRef("account"), person__document_hash=models.OuterRef("person__document_hash")
        ).order_by("-made_at")
        return self.annotate(
            last_id=models.Subquery(own.values("pk")[:1]), last_at=models.Subquery(own.values("made_at")[:1])
        )


class Proxy(models.Model):
    """代办关系: this account acts for that person, from `confirmed_at` until `ended_at`.

    First for a neutral Person of the account's own. When the identity is proven and the document has a real-name
    Person already, a relation to that one follows, and waits for `confirmed_at` where somebody has to agree.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="proxies", verbose_name=_("account")
    )
    person = models.ForeignKey(Person, models.CASCADE, related_name="proxies", verbose_name=_("person"))
    relation = models.CharField(_("relation"), max_length=11, choices=Relation)
    created_at = models.DateTimeField(_("created"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("confirmed by")
    )
    ended_at = models.DateTimeField(_("ended"), null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("ended by")
    )

    objects = ProxyQuerySet.as_manager()

    class Meta:
        verbose_name = _("proxy")
        verbose_name_plural = _("proxies")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "person"], condition=models.Q(ended_at=None), name="one_current_proxy_of_an_account"
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def neutral_relation(self) -> str:
        """What the person is to the account, as others than the account read it."""
        return Relation(self.relation).neutral_label

    @property
    def is_acting(self) -> bool:
        """Whether the account may show the person's code."""
        return self.confirmed_at is not None and self.ended_at is None

    @property
    def awaits_consent(self) -> bool:
        """Whether the identity is proven and somebody has to agree."""
        return self.confirmed_at is None and self.ended_at is None and self.person.is_real_name


class DeclarationQuerySet(models.QuerySet):
    def latest_of(self, person: Person) -> "Declaration | None":
        """The declaration that counts now."""
        return self.filter(person=person).order_by("-made_at").first()

    def made_by(self, account) -> "DeclarationQuerySet":
        """What this account declared; all that it may see again."""
        return self.filter(account=account)

    def about_holder(self, account) -> "DeclarationQuerySet":
        """Those about the person that the account holds; while that is an unproven claim, only its own."""
        is_proven = models.Q(person__assurance__gt=Assurance.DECLARED)
        return self.filter(is_proven | models.Q(account=account), person__holder=account)


class Declaration(models.Model):
    """健康申报: what was said about a person's health at a time, by whom. Never edited, only superseded."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="declarations", verbose_name=_("person"))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="declarations", verbose_name=_("declared by")
    )
    made_at = models.DateTimeField(_("made"))
    form_version = models.PositiveSmallIntegerField()
    phone = EncryptedTextField(_("phone number"))
    division = models.PositiveIntegerField(_("division of residence"))  # GB/T 2260
    address = EncryptedTextField(_("address"))
    fever = models.BooleanField(_("37.3 °C or more"))
    dry_cough = models.BooleanField(_("dry cough"))
    fatigue = models.BooleanField(_("fatigue"))
    other_symptoms = EncryptedTextField(_("other symptoms"))
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DeclarationQuerySet.as_manager()

    class Meta:
        verbose_name = _("declaration")
        verbose_name_plural = _("declarations")
        indexes = [models.Index(fields=["person", "-made_at"], name="declaration_latest")]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def has_symptoms(self) -> bool:
        """Whether a fever or any other symptom was declared."""
        return self.fever or self.dry_cough or self.fatigue or bool(self.other_symptoms)


class StayKind(models.TextChoices):
    """What happened there."""

    TRAVEL = "travel", _("travel")
    CONTACT = "contact", _("contact with a case")


class Stay(models.Model):
    """Where a declared person was in the last 14 days, or met a case. Part of its declaration, as unchangeable."""

    declaration = models.ForeignKey(Declaration, models.CASCADE, related_name="stays")
    kind = models.CharField(max_length=7, choices=StayKind)
    division = models.PositiveIntegerField(_("division"))  # GB/T 2260, or divisions.ABROAD
    from_on = models.DateField(_("from"))
    to_on = models.DateField(_("to"))

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(from_on__lte=models.F("to_on")), name="stay_ends_after_start")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.division}"

    @classmethod
    def of(cls, declaration: Declaration, answer: StayAnswer) -> "Stay":
        """The row that keeps an answer."""
        return cls(declaration=declaration, **asdict(answer))

    @property
    def answer(self) -> StayAnswer:
        """What was answered."""
        return StayAnswer(self.kind, self.division, self.from_on, self.to_on)
