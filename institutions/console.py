"""The institution console, `/console/`: a second AdminSite, and the one place that decides what it shows.

Who writes a ModelAdmin for it inherits ScopedAdmin and cannot show another institution's rows by leaving something
out: the site takes no other.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Field, Max, Model, QuerySet
from django.forms import HiddenInput, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.audited import AuditedAdmin, AuditedSite
from accounts.models import Account
from institutions.models import Institution, Membership, MembershipRole


@dataclass(frozen=True)
class Panel:
    """What a ModelAdmin puts on the console's first page: rendered by `template` with `panel` in its context."""

    template: str
    context: dict = field(default_factory=dict)


class ConsoleSite(AuditedSite):
    """Open to the admins of active institutions."""

    site_title = site_header = _("Institution console")
    index_title = _("Institution console")
    index_template = "console/index.html"

    def may_enter(self, account: Account) -> bool:
        return bool(self.institutions_of(account))

    def institutions_of(self, account: Account) -> list[Institution]:
        """The institutions that this account administers, read once a request (the account is loaded anew for each)."""
        if not hasattr(account, "administered_institutions"):
            account.administered_institutions = list(Institution.objects.administered_by(account).order_by("pk"))
        return account.administered_institutions

    def role_since(self, account: Account) -> datetime | None:
        current = Membership.objects.current().filter(account=account, role=MembershipRole.ADMIN)
        return current.filter(institution__in=self.institutions_of(account)).aggregate(at=Max("created_at"))["at"]

    def register(self, model_or_iterable, admin_class: type | None = None, **options) -> None:
        """Django's, for ScopedAdmins only."""
        if not (isinstance(admin_class, type) and issubclass(admin_class, ScopedAdmin)):
            raise ImproperlyConfigured("The console takes ScopedAdmins only.")
        super().register(model_or_iterable, admin_class, **options)

    def each_context(self, request: HttpRequest) -> dict:
        context = super().each_context(request)
        institutions = self.institutions_of(request.user) if context["has_permission"] else []
        return {
            **context,
            "site_header": " · ".join(institution.name for institution in institutions) or self.site_header,
            "institutions": institutions,
        }

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The first page: a panel of each ModelAdmin that has one."""
        admins = sorted(self._registry.values(), key=lambda admin: admin.order)
        panels = [panel for admin in admins if (panel := admin.panel(request))]
        return super().index(request, {"panels": panels, **(extra_context or {})})


console = ConsoleSite(name="console")


class ScopedAdmin(AuditedAdmin):
    """Shows the rows of the institutions that the signed-in account administers, and nothing of any other.

    Lists, pages, histories, actions and autocompletion all read `get_queryset`; choices of a foreign key are the own
    institutions, or what the console's own list of that model shows, and otherwise none.
    """

    institution_field = "institution"

    def institutions(self, request: HttpRequest) -> list[Institution]:
        """Those of the signed-in account; usually one."""
        return self.admin_site.institutions_of(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        mine = [institution.pk for institution in self.institutions(request)]
        return super().get_queryset(request).filter(**{f"{self.institution_field}__in": mine})

    def get_list_display(self, request: HttpRequest) -> tuple:
        """With the institution where there are several."""
        several = len(self.institutions(request)) > 1
        return (*self.list_display, self.institution_field) if several else self.list_display

    def panel(self, request: HttpRequest) -> Panel | None:
        """What the first page shows of these rows."""
        return None

    def formfield_for_foreignkey(self, db_field: Field, request: HttpRequest, **kwargs):
        kwargs["queryset"] = self._choices(db_field.remote_field.model, request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Field, request: HttpRequest, **kwargs):
        kwargs["queryset"] = self._choices(db_field.remote_field.model, request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _choices(self, model: type[Model], request: HttpRequest) -> QuerySet:
        if model is Institution:
            return Institution.objects.filter(pk__in=[institution.pk for institution in self.institutions(request)])
        if self.admin_site.is_registered(model):
            return self.admin_site.get_model_admin(model).get_queryset(request)
        return model._default_manager.none()

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs
    ) -> type[ModelForm]:
        """With the institution fixed: the only one, or that of the row. It is chosen when adding, with several."""
        form = super().get_form(request, obj, change, **kwargs)
        if institution := form.base_fields.get(self.institution_field):
            mine = self.institutions(request)
            if obj or len(mine) == 1:
                institution.disabled = True
                institution.initial = obj.institution_id if obj else mine[0].pk
                institution.widget = HiddenInput()
        return form
