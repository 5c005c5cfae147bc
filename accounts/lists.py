"""How lists of the staff sites are filtered and paged."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from django import forms
from django.contrib.admin import ListFilter
from django.core import signing
from django.core.paginator import Paginator
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

MOST_ROWS = 2000
FOUND_LIFE = timedelta(hours=1)


class CappedPaginator(Paginator):
    """Counts no further than it has to: lists that grow by a day's scans are narrowed down by date, not leafed through.

    `is_capped` tells the page to say so.
    """

    @cached_property
    def _counted(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[: MOST_ROWS + 1].count()
        return len(rows)

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST_ROWS)

    @property
    def is_capped(self) -> bool:
        return self._counted > MOST_ROWS


class StaffFilter(ListFilter):
    """A filter drawn in the one form above a list. A value it does not offer finds nothing."""

    template = ""  # of the inputs inside that form
    problem = ""  # what is wrong with the values, for people

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """The query parameters it reads; no others are allowed."""
        raise NotImplementedError

    def __init__(self, request: HttpRequest, params: dict, model: type, model_admin) -> None:
        super().__init__(request, params, model, model_admin)
        self.request, self.model_admin = request, model_admin
        for name in self.parameters():
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> tuple[str, ...]:
        return self.parameters()

    def choices(self, changelist) -> list:
        return []


class ChoiceFilter(StaffFilter):
    """One of some choices."""

    template = "admin/filters/choice.html"
    parameter = ""
    everything = gettext_lazy("All")

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        return (cls.parameter,)

    def __init__(self, request: HttpRequest, params: dict, model: type, model_admin) -> None:
        super().__init__(request, params, model, model_admin)
        self.value = self.used_parameters.get(self.parameter, "")
        self.options = [(str(value), label) for value, label in self.lookups()]

    def lookups(self) -> Iterable[tuple[str, str]]:
        """The values and their labels."""
        raise NotImplementedError

    def chosen(self, rows: QuerySet) -> QuerySet:
        """The rows for `self.value`, which is one of the values offered."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value:
            return queryset
        return self.chosen(queryset) if self.value in dict(self.options) else queryset.none()


class FieldFilter(ChoiceFilter):
    """One of the choices of the field that `parameter` names."""

    offered: Iterable[tuple[str, str]] = ()

    def lookups(self) -> Iterable[tuple[str, str]]:
        return self.offered

    def chosen(self, rows: QuerySet) -> QuerySet:
        return rows.filter(**{self.parameter: self.value})


class DayRange(forms.Form):
    """Two days, both included; either may be left out."""

    bounds = [MinValueValidator(date(2020, 1, 1)), MaxValueValidator(date(2199, 12, 31))]
    since = forms.DateField(required=False, validators=bounds)
    until = forms.DateField(required=False, validators=bounds)


class DayFilter(StaffFilter):
    """Today, yesterday, the last seven days, or from one day to another; local days."""

    title = gettext_lazy("date")
    template = "admin/filters/day.html"

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        return ("day", "since", "until")

    def __init__(self, request: HttpRequest, params: dict, model: type, model_admin) -> None:
        super().__init__(request, params, model, model_admin)
        self.value = self.used_parameters.get("day", "")
        self.options = [("today", _("Today")), ("yesterday", _("Yesterday")), ("week", _("Last 7 days"))]
        self.form = DayRange(self.used_parameters)
        self.since = self.used_parameters.get("since", "")
        self.until = self.used_parameters.get("until", "")

    def between(self, rows: QuerySet, start: datetime, end: datetime) -> QuerySet:
        """The rows of a span of time."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not any(self.used_parameters.values()):
            return queryset
        days = self._days(timezone.localdate())
        if days is None:
            self.problem = _("These dates are not right, so nothing is shown.")
            return queryset.none()
        return self.between(queryset, *_span(*days))

    def _days(self, today: date) -> tuple[date, date] | None:
        """First and last day; None when the parameters make no sense."""
        if self.value:
            return {
                "today": (today, today),
                "yesterday": (today - timedelta(days=1), today - timedelta(days=1)),
                "week": (today - timedelta(days=6), today),
            }.get(self.value)
        if not self.form.is_valid():
            return None
        since = self.form.cleaned_data["since"] or date(2020, 1, 1)
        until = self.form.cleaned_data["until"] or date(2199, 12, 31)
        return (since, until) if since <= until else None


def _span(first: date, last: date) -> tuple[datetime, datetime]:
    """From the midnight that begins one day to the midnight that ends another."""
    return tuple(timezone.make_aware(datetime.combine(day, time())) for day in (first, last + timedelta(days=1)))


class FoundFilter(StaffFilter):
    """What a search found: keyed hashes in a signed value, so that the address says nothing about what was typed.

    The value serves the account that searched, on the list that it searched, for an hour. `kind` is then what was
    searched for, else "".
    """

    title = gettext_lazy("search")
    template = "admin/filters/found.html"

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        return ("found",)

    def __init__(self, request: HttpRequest, params: dict, model: type, model_admin) -> None:
        super().__init__(request, params, model, model_admin)
        self.value = self.used_parameters.get("found", "")
        self.kind, self.hashes = "", []
        if self.value:
            try:
                self.kind, self.hashes = signing.loads(self.value, salt=_salt(request, model_admin), max_age=FOUND_LIFE)
            except signing.BadSignature:
                self.problem = _("This search is over. Please search again.")

    @classmethod
    def value_of(cls, request: HttpRequest, model_admin, kind: str, hashes: list[str]) -> str:
        """What `found` is in the address of the list that shows what was found."""
        return signing.dumps([kind, hashes], salt=_salt(request, model_admin))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value:
            return queryset
        if not self.kind:
            return queryset.none()
        return queryset.filter(**{f"{self.model_admin.hashed_search[self.kind]}__in": self.hashes})


def _salt(request: HttpRequest, model_admin) -> str:
    """Differs by account, site and list."""
    return f"found:{request.user.pk}:{model_admin.admin_site.name}:{model_admin.opts.label_lower}"
