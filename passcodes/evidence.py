"""What a colour is derived from: what was declared, listed, measured, and what became of appeals. Values, not rows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

FEVER = 37.3  # °C, from which on a reading is abnormal
NOT_ME_COVERS = timedelta(days=14)  # after the answer: by then the source has to have put the number right


@dataclass(frozen=True)
class Declared:
    """A declaration. `id` only of what somebody else said of a person who has an account of their own."""

    made_at: datetime
    fever: bool
    dry_cough: bool
    id: int | None = None

    @property
    def fact(self) -> str:
        """What an appeal names it by: nobody disputes what they said of themselves."""
        return f"symptoms:{self.id}" if self.id else ""


@dataclass(frozen=True)
class Stay:
    """A declared travel or contact with a case (`kind`), in a division, between two dates."""

    kind: str
    division: int
    to_on: date
    from_on: date | None = None

    @property
    def fact(self) -> str:
        """What an appeal names it by."""
        return ":".join(("stay", self.kind, *_named(self.division, self.from_on, self.to_on)))


@dataclass(frozen=True)
class AreaMatch:
    """A risk area that a declared stay or, with `to_on` None, the declared address lies in.

    With a `place` it is that place inside the division, and the person said that they were there. Else `own` is the
    division that they declared, inside it, and `away_at` when they last declared another address since it is one.
    `office`: whose decision it was; "" = unknown.
    """

    level: str
    division: int
    starts_on: date
    ends_on: date | None
    to_on: date | None
    id: int | None = None
    place: str = ""
    source: int | None = None  # who sent the list; None = an officer typed it
    own: int | None = None
    from_on: date | None = None
    away_at: datetime | None = None
    office: str = ""
    office_phone: str = ""

    @property
    def fact(self) -> str:
        """What an appeal names it by: the area, and the stay there, or the address for as long as nobody moves."""
        if not self.id:
            return ""
        if self.to_on:
            return ":".join(("area", str(self.id), *_named(self.own, self.from_on, self.to_on)))
        moved = self.away_at and int(self.away_at.timestamp())
        return ":".join(("area", str(self.id), "home", *_named(self.own, moved)))


def _named(*parts: int | date | None) -> list[str]:
    return [str(part) for part in parts if part]


@dataclass(frozen=True)
class Risk:
    category: str
    starts_at: datetime
    ends_at: datetime | None
    office: str
    office_phone: str
    id: int | None = None
    begun_at: datetime | None = None  # of a renewed one: when its measure first began
    source: int | None = None  # who sent the list; None = an officer typed it

    @property
    def fact(self) -> str:
        """What an appeal names it by."""
        return f"risk:{self.id}" if self.id else ""


@dataclass(frozen=True)
class Exemption:
    """What an appeal does to a fact from a moment on: granted, it counts no more; unanswered in time, it is neutral.

    It goes by the fact itself and by its `likeness`, as lists bring the same records again, and new rows of them.
    Granted, it leaves out what is like it but lasts longer than `ends_at` (None = open): that says more than what was
    disputed. Granted because the record was somebody else's it also goes by the `finding`, as a source that has the
    number wrong sends it with other dates and spellings: of measures that begin up to NOT_ME_COVERS later.
    """

    fact: str
    granted: bool
    from_at: datetime
    likeness: tuple = ()
    finding: tuple = ()
    ends_at: datetime | None = None

    def covers(self, reason) -> bool:
        """Whether it is about this reason, by now or from its moment on."""
        if not reason.fact:
            return False
        if self.fact == reason.fact:
            return True
        if self.likeness == reason.likeness and not (self.granted and self._is_outlasted_by(reason)):
            return True
        is_same = self.granted and self.finding and self.finding == reason.finding
        return bool(is_same) and reason.since < self.from_at + NOT_ME_COVERS

    def _is_outlasted_by(self, reason) -> bool:
        return self.ends_at is not None and (reason.ends_at is None or reason.ends_at > self.ends_at)


@dataclass(frozen=True)
class Reading:
    """A gate reading; None = taken and found normal, without a figure."""

    temperature: float | None
    taken_at: datetime

    @property
    def is_fever(self) -> bool:
        return self.temperature is not None and self.temperature >= FEVER


@dataclass(frozen=True)
class Facts:
    """All that decides a person's colour. `declarations`: the latest, and earlier ones with symptoms.

    `stale`: a source of risk data is older than its limit, so that nobody can be known to be without risk.
    `asked`: the national platform has answered for the latest declaration, or is not asked at all.
    """

    real_name: bool
    declarations: tuple[Declared, ...] = ()
    stays: tuple[Stay, ...] = ()
    areas: tuple[AreaMatch, ...] = ()
    risks: tuple[Risk, ...] = ()
    gate: Reading | None = None
    stale: bool = False
    asked: bool = True
    exceptions: tuple[Exemption, ...] = ()
