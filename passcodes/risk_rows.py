"""Rows of a list in, records or row errors out: what every way into the epidemic database goes through.

Pure: no database, settings or clock. Lists have millions of rows, so what repeats in them is worked out once.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from operator import itemgetter
from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from declarations import divisions, documents
from declarations.documents import DocumentKind
from healthpass.lib.masks import mask_document
from passcodes.colour import BEIJING, RiskCategory
from passcodes.risk_words import AREAS, MAY_LACK, PEOPLE, choice_of, heading, meanings, plain
from passcodes.years import YEARS

ERRORS_KEPT = 100
SAMPLE = 5
MEASURES_KEPT = 20_000
COLUMNS_SHOWN = 20
SERIAL_ZERO = date(1899, 12, 30)  # Excel's day 0
MANAGED_FOR = timedelta(hours=72)
MANAGED_AHEAD = timedelta(hours=24)  # a measure that begins later is listed later
AS_NUMBER = re.compile(r"\d+(\.\d+)?E\+?1\d", re.IGNORECASE).fullmatch  # what Excel makes of 18 digits


class Problem(models.TextChoices):
    """What is wrong with a row."""

    MISSING = "missing", _("nothing is given")
    KIND = "kind", _("there is no such kind of document")
    NUMBER = "number", _("this cannot be a number of such a document")
    AS_NUMBER = "as_number", _("stored as a number, which loses the last digits: format the column as text")
    CATEGORY = "category", _("there is no such category")
    LEVEL = "level", _("there is no such level")
    DIVISION = "division", _("there is no division with this code")
    DATE = "date", _("this is not a date between 2000 and 2100")
    ENDS_BEFORE_START = "ends_before_start", _("the measure ends before it begins")
    AHEAD = "ahead", _("“other managed” begins more than 24 hours ahead: list it when it begins")
    LAPSED = "lapsed", _("“other managed” is over already: it lasts 72 hours at most")
    TEXT = "text", _("too long, or with characters that cannot be shown")
    TOO_MANY = "too_many", _("more values than columns")
    NOT_AN_OBJECT = "not_an_object", _("not a JSON object of texts and numbers")


class RowError(Exception):
    """A row cannot be taken."""

    def __init__(self, problem: Problem, column: str = ""):
        super().__init__(problem)
        self.problem = problem
        self.column = column


class RefusedFile(Exception):
    """A list cannot be read at all. `code` is one of REFUSALS; `names` are the columns, or the line, it is about."""

    def __init__(self, code: str, names: Iterable[str | int] = ()):
        self.code = code
        self.names = [_printable(str(name)[:40]) for name in names][:COLUMNS_SHOWN]
        super().__init__(code)

    def __str__(self) -> str:
        return str(REFUSALS[self.code]) % {"names": ", ".join(self.names)}


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


REFUSALS = {
    "columns": _("These columns are not known, and nothing that is not needed is taken: %(names)s."),
    "missing": _("These columns are missing: %(names)s."),
    "repeated": _("These columns are there twice: %(names)s."),
    "empty": _("There are no rows."),
    "encoding": _("The text is neither UTF-8, UTF-16 nor GB18030, or is cut (line %(names)s)."),
    "quote": _("A quotation mark is not closed, or the line is too long (line %(names)s)."),
    "unpacked": _("Unpacked, the workbook would be too large. Save it as CSV."),
    "workbook": _("This is not an .xlsx workbook that can be read. Save it as CSV."),
    "old_workbook": _("This is an .xls workbook, or one with a password. Save it as .xlsx or CSV."),
}


@dataclass(frozen=True)
class Measure:
    """What is said of a person. Many rows of a list say the same, and have it in common."""

    category: str
    starts_at: datetime
    ends_at: datetime | None
    source: str
    office: str
    office_phone: str

    @functools.cached_property
    def copied(self) -> str:
        """The fields in their order as PostgreSQL's COPY takes them. No text has a tab or a line end."""
        end = "\\N" if self.ends_at is None else self.ends_at.isoformat()
        texts = (self.category, self.source, self.office, self.office_phone)
        category, *others = (text.replace("\\", "\\\\") for text in texts)
        return "\t".join((category, self.starts_at.isoformat(), end, *others))


class PersonRow(NamedTuple):
    """A row of people, checked. The hash stands for the document number."""

    document_hash: str
    measure: Measure


class AreaRow(NamedTuple):
    """A row of areas, checked."""

    division: int
    level: str
    starts_on: date
    ends_on: date | None
    source: str
    place: str  # a named one inside the division; "" = all of it
    office: str
    office_phone: str


def lapse_of(starts_at: datetime, ends_at: datetime | None, *, listed_at: datetime) -> datetime:
    """When "other managed" ends: with its measure, 72 hours after it begins or is listed at the latest, so that rows
    one after the other are no longer than one. Renewing makes another row.
    """
    return min(ends_at or datetime.max.replace(tzinfo=UTC), min(starts_at, listed_at) + MANAGED_FOR)


MOMENT = re.compile(
    r"(?P<year>\d{4})(?:[-/.年])(?P<month>\d{1,2})(?:[-/.月])(?P<day>\d{1,2})日?"
    r"(?:[T ]*(?P<hour>\d{1,2})[:时点](?P<minute>\d{1,2})分?(?::?(?P<second>\d{1,2})(?:\.\d{1,9})?秒?)?"
    r" ?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
).fullmatch
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII).fullmatch
SERIAL = re.compile(r"(\d{5})(\.\d{1,15})?", re.ASCII).fullmatch


@functools.lru_cache(maxsize=10_000)
def moment_of(text: str, *, ends: bool = False) -> datetime:
    """A time as people and programs write it, in Beijing unless it says otherwise.

    2026-01-02, 2026/1/2 8:30, 2026年1月2日, 20260102, 46024 (Excel's serial). A day alone is its first moment, as an
    end the midnight after it: a measure lasts through its last day. Raises ValueError.
    """
    day, clock, zone = _parts(plain(text))
    if day.year not in YEARS:
        raise ValueError(text)
    if clock is None:
        clock = timedelta(days=1) if ends else timedelta(0)
    return datetime.combine(day, time(), zone) + clock


def _parts(text: str) -> tuple[date, timedelta | None, timezone]:
    """Day, time of day if one is given, zone."""
    if found := MOMENT(text):
        day = date(int(found["year"]), int(found["month"]), int(found["day"]))
        if found["hour"] is None:
            return day, None, BEIJING
        hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
        if (hour, minute, second) > (24, 0, 0) or minute > 59 or second > 59:
            raise ValueError(text)
        return day, timedelta(hours=hour, minutes=minute, seconds=second), _zone(found["zone"])
    if found := COMPACT(text):
        return date(*map(int, found.groups())), None, BEIJING
    if found := SERIAL(text):
        part = timedelta(seconds=round(float(found[2]) * 86400)) if found[2] and float(found[2]) else None
        return SERIAL_ZERO + timedelta(days=int(found[1])), part, BEIJING
    raise ValueError(text)


def _zone(text: str | None) -> timezone:
    if text is None:
        return BEIJING
    return datetime.strptime(text, "%z").tzinfo


@functools.lru_cache(maxsize=10_000)
def text_of(text: str, longest: int) -> str:
    """A text of the list. Raises ValueError if the database or a page cannot have it."""
    text = text.strip()
    if len(text) > longest or not text.isprintable():
        raise ValueError
    return text


def number_of(kind: str, text: str) -> str:
    """The document number, normalised and checked; 15 digits become the 18 of today. Raises RowError."""
    if not text.strip():
        raise RowError(Problem.MISSING, "document_number")
    text = _repaired(kind, text)
    try:
        return documents.check(kind, text)
    except documents.InvalidNumber as error:
        raise RowError(Problem.NUMBER, "document_number") from error


def _repaired(kind: str, text: str) -> str:
    """Without what spreadsheets put in front of digits to keep them; 18 digits out of 15."""
    if AS_NUMBER(text.strip()):
        raise RowError(Problem.AS_NUMBER, "document_number")
    try:
        text = documents.normalise(text.strip().lstrip("'’‘"))
    except documents.InvalidNumber as error:
        raise RowError(Problem.NUMBER, "document_number") from error
    is_old = len(text) == 15 and text.isascii() and text.isdigit() and DocumentKind(kind).is_resident_number
    return documents.from_first_generation(text) if is_old else text


@dataclass
class Tally:
    """What has been read so far. `problems`: the first errors as [line, column, problem]; `sample`: the first rows."""

    rows: int = 0
    errors: int = 0
    problems: list[list] = field(default_factory=list)
    sample: list[list[str]] = field(default_factory=list)

    def wrong(self, line: int, error: RowError) -> None:
        """Count a row that cannot be taken."""
        self.errors += 1
        if len(self.problems) < ERRORS_KEPT:
            self.problems.append([line, error.column, error.problem.value])


# A row as the file has it: texts in the order of its header, or what is wrong with it already.
Raw = tuple[int, list[str] | RowError]


class Listing:
    """A list being read: its kind is known at once, `tally` is complete when `records` has been run through."""

    def __init__(
        self,
        rows: Iterator[Raw],
        *,
        hasher: Callable[[str], Callable[[str], str]],
        at: datetime,
        office: str = "",
        office_phone: str = "",
    ):
        """`rows` begins with the header. `hasher` gives the hash function for a kind of document; office and phone are
        those of rows that name none; `at` is now. Raises RefusedFile.
        """
        self.tally = Tally()
        self.rows = rows
        header = list(next(rows, (0, []))[1])
        while header and not header[-1].strip():
            header.pop()
        self.kind, places = _layout(header)
        self.width = len(header)
        # Where a list has no such column, the place behind its last one, where every row gets an empty text.
        places = [self.width if place is None else place for place in places]
        self.identity, self.said = itemgetter(*places[:2]), itemgetter(*places[2:])
        self.hashers = {kind.value: hasher(kind.value) for kind in DocumentKind}
        self.at = at
        self.defaults = office, office_phone
        self.parse = self._person if self.kind == "people" else self._area
        self.has_managed = False
        self.measure = functools.lru_cache(maxsize=MEASURES_KEPT)(self._measure)

    def records(self) -> Iterator[PersonRow | AreaRow]:
        """The rows that can be taken. Raises RefusedFile where the file turns out to be unreadable."""
        tally, parse, width = self.tally, self.parse, self.width
        for line, values in self.rows:
            tally.rows += 1
            try:
                if isinstance(values, RowError):
                    raise values
                if len(values) != width:
                    values = self._fitted(values)
                values.append("")
                record = parse(values)
            except RowError as error:
                tally.wrong(line, error)
            else:
                yield record

    def _fitted(self, values: list[str]) -> list[str]:
        """As many values as there are columns: blanks at the end may be there or not."""
        if any(values[self.width :]):
            raise RowError(Problem.TOO_MANY)
        return values[: self.width] + [""] * (self.width - len(values))

    def _person(self, values: list[str]) -> PersonRow:
        kind, number = self.identity(values)
        kind = _choice("kind", kind, Problem.KIND, "document_kind") if kind else "01"
        if kind != "01" or not documents.is_resident_number(number):
            number = number_of(kind, number)
        measure = self.measure(self.said(values))
        if len(self.tally.sample) < SAMPLE:
            moments = (measure.starts_at, measure.ends_at)
            times = (moment and moment.astimezone(BEIJING).isoformat() for moment in moments)
            self.tally.sample.append([mask_document(number), measure.category, *times, measure.office])
        return PersonRow(self.hashers[kind](number), measure)

    def _measure(self, values: tuple[str, ...]) -> Measure:
        category, starts, ends, source, office, phone = values
        category = _choice("category", category, Problem.CATEGORY, "category")
        starts_at = _moment(starts, "starts_at")
        ends_at = _moment(ends, "ends_at", ends=True) if ends.strip() else None
        if ends_at and ends_at <= starts_at:
            raise RowError(Problem.ENDS_BEFORE_START, "ends_at")
        if category == RiskCategory.MANAGED:
            if starts_at > self.at + MANAGED_AHEAD:
                raise RowError(Problem.AHEAD, "starts_at")
            lapses_at = lapse_of(starts_at, ends_at, listed_at=self.at)
            if lapses_at <= self.at:
                raise RowError(Problem.LAPSED, "ends_at" if ends_at == lapses_at else "starts_at")
            self.has_managed = True
            ends_at = lapses_at
        return Measure(category, starts_at, ends_at, _text(source, 100, "source"), *self._office(office, phone))

    def _area(self, values: list[str]) -> AreaRow:
        *texts, office, phone = (*self.identity(values), *self.said(values))
        division, level, starts, ends, source, place = map(plain, texts)
        if not (division.isdigit() and len(division) == 6 and divisions.known(int(division))):
            raise RowError(Problem.DIVISION if division else Problem.MISSING, "division")
        level = _choice("level", level, Problem.LEVEL, "level")
        starts_on = _day(starts, "starts_on")
        ends_on = _day(ends, "ends_on") if ends else None
        if ends_on and ends_on < starts_on:
            raise RowError(Problem.ENDS_BEFORE_START, "ends_on")
        place = _text(place, 100, "place")
        office, phone = self._office(office, phone)
        if len(self.tally.sample) < SAMPLE:
            days = (day and day.isoformat() for day in (starts_on, ends_on))
            self.tally.sample.append([f"{division} {place}".strip(), level, *days, office])
        source = _text(source, 100, "source")
        return AreaRow(int(division), level, starts_on, ends_on, source, place, office, phone)

    def _office(self, office: str, phone: str) -> tuple[str, str]:
        """Who decided it, and their phone: the row's own, else the source's."""
        office = _text(office, 100, "office") or self.defaults[0]
        phone = _text(phone, 30, "office_phone") or self.defaults[1]
        if not (office and phone):
            raise RowError(Problem.MISSING, "office_phone" if office else "office")
        return office, phone


def _layout(header: Sequence[str]) -> tuple[str, list[int | None]]:
    """What the list is about, and where each of its columns stands. Raises RefusedFile."""
    if not header:
        raise RefusedFile("empty")
    is_of_areas = any(meanings(AREAS).get(heading(name)) == "division" for name in header)
    kind, columns = ("areas", AREAS) if is_of_areas else ("people", PEOPLE)
    words = meanings(columns)
    found = [words.get(heading(name)) for name in header]
    if unknown := [name or "?" for name, column in zip(header, found, strict=True) if column is None]:
        raise RefusedFile("columns", unknown)
    if missing := [name for name in columns if name not in found and name not in MAY_LACK]:
        raise RefusedFile("missing", missing)
    if repeated := [name for name in columns if found.count(name) > 1]:
        raise RefusedFile("repeated", repeated)
    return kind, [found.index(name) if name in found else None for name in columns]


def _choice(words: str, text: str, problem: Problem, column: str) -> str:
    value = choice_of(words, text)
    if value is None:
        raise RowError(problem if text.strip() else Problem.MISSING, column)
    return value


def _moment(text: str, column: str, *, ends: bool = False) -> datetime:
    try:
        return moment_of(text, ends=ends)
    except (ValueError, OverflowError) as error:
        raise RowError(Problem.DATE if text.strip() else Problem.MISSING, column) from error


def _day(text: str, column: str) -> date:
    """The Beijing day: at the ends of YEARS another zone, or 24:00, may lead out of them."""
    found = _moment(text, column).astimezone(BEIJING).date()
    if found.year not in YEARS:
        raise RowError(Problem.DATE, column)
    return found


def _text(text: str, longest: int, column: str) -> str:
    try:
        return text_of(text, longest)
    except ValueError as error:
        raise RowError(Problem.TEXT, column) from error
