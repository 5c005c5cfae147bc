"""Check a code, record the scan, note its temperature."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction

from accounts import limits
from declarations.models import Person
from healthpass.lib.masks import mask_name
from passcodes import keys, tokens
from passcodes.actions import show_colour
from passcodes.facts import as_database_values, decrypted, facts_of
from passcodes.models import GateReading
from scanning import ids, reading
from scanning.models import Scan, ScanEvent, ScanEventKind
from scanning.outcome import OF_COLOUR, Outcome, Temperature, message

CORRECT_WITHIN = timedelta(minutes=30)
LOOKS = {
    "limit": 30,
    "per": timedelta(minutes=10),
}  # by an account without an entrance: no institution answers for them


class NoKey(Exception):
    """The device key is not, or no longer, good for scanning."""


class NotAllowed(Exception):
    """`code`: real_name = the account's identity is not checked; entrance = not a scanner of that entrance."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


class IdTime(Exception):
    """The time in the id is outside the window: the device's clock is wrong."""


class Conflict(Exception):
    """The id is known with other content. `answer` is the first one; None if it is somebody else's scan."""

    def __init__(self, answer: "Answer | None"):
        super().__init__("conflict")
        self.answer = answer


class NoScan(Exception):
    """There is no such scan that this scanner may still write to."""


@dataclass(frozen=True)
class Answer:
    """What the scanner is told. `name` is masked, and empty when the code names nobody."""

    outcome: Outcome
    name: str = ""
    temperature: Temperature | None = None
    repeated: bool = False
    repeat_of: UUID | None = None

    def as_json(self, now: datetime) -> dict:
        """The body of `POST /scan/check`, with the message in the language in force."""
        return {
            "outcome": self.outcome.value,
            "name": self.name,
            "message": message(self.outcome, self.temperature),
            "repeated": self.repeated,
            "repeat_of": self.repeat_of and str(self.repeat_of),
            "now": now.isoformat(timespec="milliseconds"),
        }


@dataclass(frozen=True)
class Sent:
    """What a device sends: its id for the scan, the code's text, the door, and a temperature if one was taken."""

    id: UUID
    text: str
    entrance_id: int | None = None
    temperature: Temperature | None = None

    @property
    def digest(self) -> bytes:
        """8 bytes that tell a repeat from a conflict."""
        parts = (tokens.extract(self.text), self.entrance_id, self.temperature)
        return hashlib.sha256(repr(parts).encode()).digest()[:8]


def check(*, key_hash: str, sent: Sent, at: datetime) -> Answer:
    """Read a code and, for a scanner at an entrance, record it: one statement to read, one to insert.

    The same id answers the same and writes once. Without an entrance nothing is recorded. A temperature that matters
    to the colour is written as a GateReading in one transaction with the scan.
    Raises IdTime, NoKey, NotAllowed, Conflict, limits.LimitReached.
    """
    if not ids.is_in_window(sent.id, at):
        raise IdTime
    token = tokens.read(tokens.extract(sent.text), keys.ring(), at)
    row = reading.read(key_hash=key_hash, id=sent.id, pass_id=token.pass_id, entrance_id=sent.entrance_id, at=at)
    if row is None:
        raise NoKey
    if row["scanner_person"] is None:
        raise NotAllowed("real_name")
    if sent.entrance_id is None:
        limits.take("scan-look", str(row["scanner"]), at=at, **LOOKS)
        return _answer(token, row, sent, at)
    if row["membership"] is None:
        raise NotAllowed("entrance")
    if row["digest"] is not None:
        return _first_answer(row, sent)
    answer = _answer(token, row, sent, at)
    if answer.outcome in OF_COLOUR.values():
        answer = replace(answer, repeat_of=_uuid(row["earlier"]))
    if not _record(row, sent, answer, at):
        # Another request with this id was faster: answer as if ours had come second.
        row = reading.read(key_hash=key_hash, id=sent.id, pass_id=token.pass_id, entrance_id=sent.entrance_id, at=at)
        return _first_answer(row, sent)
    return answer


def look(*, text: str, at: datetime) -> Answer:
    """What a code says, recording nothing."""
    token = tokens.read(tokens.extract(text), keys.ring(), at)
    row = reading.look(pass_id=token.pass_id, at=at) if token.pass_id else None
    return _answer(token, row or {"person_id": None}, None, at)


def set_temperature(*, key_hash: str, id: UUID, temperature: Temperature, at: datetime) -> Answer:
    """Note or correct the temperature of one's own scan, within 30 minutes, as an event of that scan.

    Raises NoScan.
    """
    row = reading.of_scan(key_hash=key_hash, id=id, at=at)
    if row is None or ids.time_of(id) < at - CORRECT_WITHIN:
        raise NoScan
    with transaction.atomic():
        Scan.objects.filter(pk=id).update(temperature=_decimal(temperature), found_normal=temperature.celsius is None)
        ScanEvent.objects.create(
            scan_id=id, kind=ScanEventKind.READING, temperature=_decimal(temperature), by_id=row["scanned_by"], at=at
        )
        if matters(temperature, Outcome(row["outcome"]), row):
            _gate_reading(row["person_id"], temperature, at)
    return Answer(Outcome(row["outcome"]), temperature=temperature)


def matters(temperature: Temperature, outcome: Outcome, row: dict) -> bool:
    """Whether a reading changes what the colour rests on: a fever, or a normal one after a fever or symptoms.

    Only that of a live code: a screenshot may be anybody's, and nobody reads their own temperature.
    """
    if outcome not in OF_COLOUR.values() or row["person_id"] == row["scanner_person"]:
        return False
    facts = facts_of(row)
    had_fever = facts.gate is not None and facts.gate.is_fever
    had_symptoms = any(declared.fever or declared.dry_cough for declared in facts.declarations)
    return temperature.is_fever or had_fever or had_symptoms


def _answer(token: tokens.Token, row: dict, sent: Sent | None, at: datetime) -> Answer:
    temperature = sent and sent.temperature
    if token.verdict != tokens.Verdict.GENUINE:
        return Answer(Outcome(token.verdict.value), temperature=temperature)
    if row["person_id"] is None:
        return Answer(Outcome.UNKNOWN, temperature=temperature)
    colour = show_colour(row=row, at=at).colour
    return Answer(OF_COLOUR[colour], name=_masked(row["name"]), temperature=temperature)


def _first_answer(row: dict, sent: Sent) -> Answer:
    """The answer that the id got first. Raises Conflict if it came with other content, or from somebody else."""
    if row["scanned_by"] != row["scanner"]:
        raise Conflict(None)
    temperature = None
    if row["temperature"] is not None or row["found_normal"]:
        temperature = Temperature(None if row["temperature"] is None else float(row["temperature"]))
    outcome = Outcome(row["outcome"])
    named = outcome in OF_COLOUR.values() and row["scanned_name"]
    answer = Answer(
        outcome,
        name=_masked(row["scanned_name"]) if named else "",
        temperature=temperature,
        repeated=True,
        repeat_of=_uuid(row["repeat_of"]),
    )
    if bytes(row["digest"]) != sent.digest:
        raise Conflict(answer)
    return answer


INSERT = """
INSERT INTO scanning_scan (id, institution_id, entrance_id, scanner_id, person_id, outcome, temperature, found_normal,
                           repeat_of, digest, received_at)
VALUES (%(id)s, %(institution)s, %(entrance)s, %(scanner)s, %(person)s, %(outcome)s, %(temperature)s, %(found_normal)s,
        %(repeat_of)s, %(digest)s, %(at)s)
ON CONFLICT (id) DO NOTHING
"""


def _record(row: dict, sent: Sent, answer: Answer, at: datetime) -> bool:
    """Insert the scan, with its GateReading if the temperature matters; False if the id is there already."""
    if sent.temperature is None or not matters(sent.temperature, answer.outcome, row):
        return _insert(row, sent, answer, at)
    with transaction.atomic():
        inserted = _insert(row, sent, answer, at)
        if inserted:
            _gate_reading(row["person_id"], sent.temperature, min(ids.time_of(sent.id), at))
    return inserted


def _insert(row: dict, sent: Sent, answer: Answer, at: datetime) -> bool:
    values = {
        "id": sent.id,
        "institution": row["institution"],
        "entrance": sent.entrance_id,
        "scanner": row["scanner"],
        "person": row["person_id"],
        "outcome": answer.outcome.value,
        "temperature": sent.temperature and sent.temperature.celsius,
        "found_normal": sent.temperature is not None and sent.temperature.celsius is None,
        "repeat_of": answer.repeat_of,
        "digest": sent.digest,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, as_database_values(values))
        return cursor.rowcount == 1


def _gate_reading(person_id: int, temperature: Temperature, taken_at: datetime) -> None:
    GateReading.objects.create(person_id=person_id, temperature=_decimal(temperature), taken_at=taken_at)


def _decimal(temperature: Temperature) -> Decimal | None:
    return None if temperature.celsius is None else Decimal(str(temperature.celsius))


def _masked(encrypted: bytes) -> str:
    return mask_name(decrypted(Person, "name", encrypted))


def _uuid(value: UUID | str | None) -> UUID | None:
    return value if value is None or isinstance(value, UUID) else UUID(value)
