"""My data: what each app knows of an account and of the person it holds, and how it lets go of them.

An app registers in its `my_data.py`: sections of what is kept, closers that end things when the account is closed, and
remainders, which name what stays then and until when. Nothing here knows an app above this one.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts.models import Account

Value = str | int | float | bool | date | datetime | list | dict | None


@dataclass(frozen=True)
class Fact:
    """One thing that is kept: its key in the file, its name, its value, and what the page shows if not the value."""

    key: str
    label: str | Promise
    value: Value
    shown: str | Promise | None = None

    @property
    def text(self) -> str:
        """The value as people read it."""
        return str(self.shown) if self.shown is not None else as_text(self.value)


Row = list[Fact]
Gather = Callable[[Account, datetime], Iterable[Row]]


@dataclass(frozen=True)
class Section:
    """Rows of one kind, newest first. `correct` is a URL name and its words: where they are put right."""

    key: str
    title: str | Promise
    order: int
    gather: Gather
    correct: tuple[str, str | Promise] | None = None


@dataclass(frozen=True)
class Remainder:
    """What stays after the account is closed, and the day on which it is deleted at the latest; None: it depends."""

    what: str
    until: date | None


@dataclass
class Registry:
    """What the apps have registered."""

    sections: dict[str, Section] = field(default_factory=dict)
    closers: list[tuple[int, Callable]] = field(default_factory=list)
    remainders: list[tuple[int, Callable]] = field(default_factory=list)


registry = Registry()


def section(key: str, title: str | Promise, *, order: int, correct: tuple[str, str | Promise] | None = None):
    """Register a function `(account, at)` that gives the section's rows, newest first."""

    def register(gather: Gather) -> Gather:
        if key in registry.sections:
            raise ValueError(f"Two sections are named {key}.")
        registry.sections[key] = Section(key, title, order, gather, correct)
        return gather

    return register


def closes(*, order: int):
    """Register a function `(account, by, at)` that ends things, lowest order first, in the closing's transaction."""

    def register(close: Callable) -> Callable:
        registry.closers.append((order, close))
        return close

    return register


def remains(*, order: int):
    """Register a function `(account, at)` that gives the Remainders of an account that would be closed then."""

    def register(name: Callable) -> Callable:
        registry.remainders.append((order, name))
        return name

    return register


def sections() -> list[Section]:
    """All sections, in the order of the page."""
    return sorted(registry.sections.values(), key=lambda section: section.order)


def closers() -> Iterator[Callable]:
    """What ends things, in its order."""
    return (close for _order, close in sorted(registry.closers, key=lambda pair: pair[0]))


def remainders(account: Account, at: datetime) -> list[Remainder]:
    """What would stay of an account that is closed now."""
    named = sorted(registry.remainders, key=lambda pair: pair[0])
    return [remainder for _order, name in named for remainder in name(account, at)]


def deleted_on(moment: datetime, period: timedelta) -> date:
    """The day by whose end something of that moment is gone: retention runs once a day."""
    return timezone.localdate(moment + period) + timedelta(days=1)


def as_text(value: Value) -> str:
    """A value in the language in force: times in Beijing's."""
    if value is None or value == "" or value == []:
        return "—"
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "Y-m-d H:i")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return " · ".join(as_text(item) for item in value)
    return str(value)


def as_json(account: Account, at: datetime) -> dict:
    """Everything, for the file: a list of objects a section."""
    return {
        section.key: [{fact.key: fact.value for fact in row} for row in section.gather(account, at)]
        for section in sections()
    }
