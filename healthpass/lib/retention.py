"""`retention.toml`: what is kept of every model's fields, why, and how long. Read here, carried out by the worker."""

import functools
import tomllib
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

KEYS = {"fields", "what", "why", "days", "since", "clears", "goes_with", "ends"}


YEAR = 365  # days


@dataclass(frozen=True)
class Line:
    """Some fields of a model, and until when they are kept: exactly one of `days`, `goes_with` and `ends` is set."""

    model: str  # as Django labels it: "accounts.Device"
    fields: tuple[str, ...] = ()
    why: str = ""
    what: str = ""  # named to people in the table of what is kept; "" = not in it
    days: int | None = None  # after the moment in the field `since`; of several, after the first that comes
    since: tuple[str, ...] = ()
    clears: bool = False  # the fields become empty, the row stays
    goes_with: str = ""  # the model whose row takes this one along
    ends: str = ""  # in words, where something else than time ends it


class Malformed(Exception):
    """The file does not say what it must."""


def read(text: str) -> tuple[Line, ...]:
    """The lines of the file. Raises Malformed."""
    lines = []
    for app, models in tomllib.loads(text).items():
        for name, groups in models.items():
            lines += [_line(f"{app}.{name}", group) for group in groups]
    return tuple(lines)


def _line(model: str, group: dict) -> Line:
    if unknown := group.keys() - KEYS:
        raise Malformed(f"{model}: {', '.join(sorted(unknown))}")
    names = {key: tuple(group.get(key, "").split()) for key in ("fields", "since")}
    line = Line(model=model, **{**group, **names})
    if not line.why or not line.fields:
        raise Malformed(f"{model}: fields or why is missing")
    if [line.days is not None, bool(line.goes_with), bool(line.ends)].count(True) != 1:
        raise Malformed(f"{model}: one of days, goes_with and ends has to be there")
    if (line.days is not None) != bool(line.since):
        raise Malformed(f"{model}: days and since belong together")
    return line


@functools.cache
def lines() -> tuple[Line, ...]:
    """The lines of the project's file."""
    return read((settings.BASE_DIR / "retention.toml").read_text(encoding="utf-8"))


def shown() -> list[tuple[str, str, str]]:
    """The table for people, in their language: what is kept, why, and how long."""
    return [(_(line.what), _(line.why), how_long(line)) for line in lines() if line.what]


def how_long(line: Line) -> str:
    """How long, in words."""
    if line.ends:
        return _(line.ends)
    if line.days == 0:
        return _("Until they expire")
    if line.days % YEAR == 0:
        return ngettext("%(count)d year", "%(count)d years", line.days // YEAR) % {"count": line.days // YEAR}
    return ngettext("%(count)d day", "%(count)d days", line.days) % {"count": line.days}


def period(model: str) -> timedelta:
    """How long rows of a model ("accounts.Device") are kept. Raises LookupError if no time ends them."""
    for line in lines():
        if line.model == model and line.days is not None and not line.clears:
            return timedelta(days=line.days)
    raise LookupError(model)
