"""What a draft would do to the present population: `colour.assess` for everybody at once, in one statement.

The population is everybody whose identity has been checked, with a code or without: entrances look documents up, too.
Who is only declared is neutral whatever the rules, and left out. A test holds the statement against `assess` with
random people, on both databases.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from declarations.models import Assurance, Person
from healthpass.lib.masks import mask_document, mask_name
from passcodes import rules
from passcodes.colour import ABROAD, FEVER, WORST_FIRST, Colour, Condition, Rule, day_of
from passcodes.facts import SYMPTOMS_KEPT, decrypted
from passcodes.models import RiskBatch, RiskSource, RuleSet
from passcodes.risk_models import BatchState

SAMPLES = 20
BETTER_FIRST = WORST_FIRST[::-1]
SEVERITY = {colour: place for place, colour in enumerate(BETTER_FIRST)}  # 0 = green: nothing applies


class Decided(Exception):
    """The batch was refused or withdrawn: it can never count, so there is nothing to try out."""


@dataclass(frozen=True)
class Cell:
    """How many people of a division (GB/T 2260, of the latest declaration; None = without one) have a colour now and
    would have the other, or keep theirs."""

    division: int | None
    was: Colour
    becomes: Colour
    people: int


@dataclass(frozen=True)
class Turn:
    """How many people would turn from one colour to the other."""

    was: Colour
    becomes: Colour
    people: int


@dataclass(frozen=True)
class Sample:
    """Somebody who would turn, masked."""

    name: str
    document: str
    was: Colour
    becomes: Colour


@dataclass(frozen=True)
class Effect:
    """What would change: everybody, counted in `cells`, and a few of those who would turn."""

    cells: tuple[Cell, ...]
    samples: tuple[Sample, ...]

    @property
    def population(self) -> int:
        """How many people were looked at."""
        return sum(cell.people for cell in self.cells)

    @property
    def turning(self) -> int:
        """How many people would have another colour."""
        return sum(turn.people for turn in self.turns)

    @property
    def turns(self) -> list[Turn]:
        """From which colour to which, most people first."""
        return _turns(self.cells)

    @property
    def divisions(self) -> dict[int | None, list[Turn]]:
        """The same of each division in which somebody would turn, by its code; those without one last."""
        cells = {}
        for cell in self.cells:
            cells.setdefault(cell.division, []).append(cell)
        found = {division: _turns(cells[division]) for division in sorted(cells, key=lambda code: (code is None, code))}
        return {division: turns for division, turns in found.items() if turns}


def _turns(cells: Iterable[Cell]) -> list[Turn]:
    people = Counter()
    for cell in cells:
        if cell.was != cell.becomes:
            people[cell.was, cell.becomes] += cell.people
    return [Turn(*pair, count) for pair, count in sorted(people.items(), key=lambda item: (-item[1], item[0]))]


@dataclass(frozen=True)
class Side:
    """One of the two worlds that are compared. `counts`, of batch `b`, and `stale` are conditions in SQL."""

    rules: tuple[Rule, ...]
    counts: str = "b.state = 'visible'"
    stale: str = "EXISTS (SELECT 1 FROM passcodes_risksource WHERE stale_from <= %(at)s)"


def of_rules(rule_set: RuleSet, at: datetime) -> Effect:
    """What changes if these rules decide from `at` on, instead of those that do."""
    proposed = tuple(row.value for row in rule_set.rules.order_by("pk"))
    return compare(Side(rules.at_present(at)), Side(proposed), at)


def of_batch(batch: RiskBatch, at: datetime) -> Effect:
    """What changes if a draft is put in force at `at`, or if one that is in force is withdrawn. Raises Decided."""
    present = Side(rules.at_present(at))
    if batch.state == BatchState.DRAFT:
        with_it = f"(b.state = 'visible' OR b.id = {batch.pk})"
        return compare(present, Side(present.rules, with_it, _stale_with(batch, at)), at)
    if batch.state == BatchState.VISIBLE:
        without = f"(b.state = 'visible' AND b.id NOT IN ({', '.join(map(str, _with_renewals(batch)))}))"
        return compare(present, Side(present.rules, without), at)
    raise Decided


def _stale_with(batch: RiskBatch, at: datetime) -> str:
    """Whether data would be stale after the release, which makes the batch's source as fresh as the batch."""
    source: RiskSource = batch.source
    stale_from = source.stale_after(max(batch.created_at, source.last_fresh_at or batch.created_at))
    if stale_from is not None and stale_from <= at:
        return "TRUE"
    return f"EXISTS (SELECT 1 FROM passcodes_risksource WHERE stale_from <= %(at)s AND id <> {source.pk})"


def _with_renewals(batch: RiskBatch) -> list[int]:
    """The batch and what renews it: they are withdrawn together."""
    ids = [batch.pk]
    while renewal := RiskBatch.objects.filter(renews=ids[-1]).first():
        ids.append(renewal.pk)
    return ids


def compare(present: Side, proposed: Side, at: datetime) -> Effect:
    """The effect of the step from one side to the other at `at`."""
    statement = Statement(present, proposed, at)
    with connection.cursor() as cursor:
        cursor.execute(statement.text(), statement.parameters)
        rows = [(BETTER_FIRST[was], BETTER_FIRST[becomes], *rest) for was, becomes, *rest in cursor.fetchall()]
    cells = [Cell(row[2], *row[:2], row[3]) for row in rows if row[4] is None]
    samples = [_sample(*row[:2], *row[4:]) for row in rows if row[4] is not None]
    return Effect(
        tuple(sorted(cells, key=lambda cell: (cell.division is None, cell.division, cell.was, cell.becomes))),
        tuple(sorted(samples, key=lambda sample: (-SEVERITY[sample.becomes], sample.document, sample.name))),
    )


def _sample(was: Colour, becomes: Colour, name: bytes, number: bytes) -> Sample:
    name, number = decrypted(Person, "name", name), decrypted(Person, "document_number", number)
    return Sample(mask_name(name), mask_document(number), was, becomes)


# Who would be looked at, what they last declared, and the last reading at a gate. Of rows that somebody chooses the
# latest of, the whole table is sorted once: a look-up for each person would take three times as long.
PEOPLE = """
WITH latest AS (
  SELECT * FROM (SELECT id, person_id, made_at, division,
                        row_number() OVER (PARTITION BY person_id ORDER BY made_at DESC) AS place
                   FROM declarations_declaration) numbered WHERE place = 1),
gate AS (
  SELECT * FROM (SELECT person_id, temperature, taken_at,
                        row_number() OVER (PARTITION BY person_id ORDER BY taken_at DESC) AS place
                   FROM passcodes_gatereading) numbered WHERE place = 1),
people AS (
  SELECT p.id, p.document_hash, latest.id AS declaration_id, latest.made_at, latest.division
    FROM declarations_person p LEFT JOIN latest ON latest.person_id = p.id
   WHERE p.assurance > {declared})"""

# Everybody has one row here, and further ones from the sources below.
EVERYBODY = "SELECT p.id AS person_id, {was} AS was, {becomes} AS becomes, p.division FROM people p"

REASONS = "SELECT p.id, {was}, {becomes}, NULL FROM {source}"

RESULT = """
verdicts AS (
  SELECT person_id, MAX(was) AS was, MAX(becomes) AS becomes, MAX(division) AS division
    FROM ({reasons}) reasons GROUP BY person_id)
SELECT was, becomes, division, COUNT(*) AS people, NULL AS name, NULL AS number
  FROM verdicts GROUP BY was, becomes, division
 UNION ALL
SELECT * FROM (SELECT v.was, v.becomes, v.division, 0, p.name, p.document_number
                 FROM verdicts v JOIN declarations_person p ON p.id = v.person_id
                WHERE v.was <> v.becomes ORDER BY p.document_hash LIMIT {samples}) samples
"""

# A level of a division's prefecture or province counts for it. Joined by equality, so that no area is looked at twice.
WITHIN = "CROSS JOIN (SELECT 1 AS width UNION ALL SELECT 100 UNION ALL SELECT 10000) wider"

LISTED = """
  passcodes_riskrecord r JOIN passcodes_riskbatch b ON b.id = r.batch_id AND ({counts})
  JOIN people p ON p.document_hash = r.document_hash
 WHERE r.starts_at <= %(at)s AND (r.ends_at IS NULL OR r.ends_at > %(at)s)"""

STAYED_IN_AREA = f"""
  people p JOIN declarations_stay s ON s.declaration_id = p.declaration_id {WITHIN}
  JOIN passcodes_riskarea a ON a.division = s.division / wider.width * wider.width
  JOIN passcodes_riskbatch b ON b.id = a.batch_id AND ({{counts}})
 WHERE a.starts_on <= s.to_on AND (a.ends_on IS NULL OR a.ends_on >= s.from_on) AND a.starts_on <= %(today)s"""

LIVES_IN_AREA = f"""
  people p {WITHIN}
  JOIN passcodes_riskarea a ON a.division = p.division / wider.width * wider.width
  JOIN passcodes_riskbatch b ON b.id = a.batch_id AND ({{counts}})
 WHERE a.starts_on <= %(today)s"""

STAYED = "people p JOIN declarations_stay s ON s.declaration_id = p.declaration_id"

IS_FEVER = f"(g.temperature IS NOT NULL AND g.temperature >= {FEVER})"

HAD_SYMPTOMS = f"""
  people p JOIN declarations_declaration d ON d.person_id = p.id AND (d.fever OR d.dry_cough)
   AND (d.id = p.declaration_id OR d.made_at > %(symptoms_since)s)
  LEFT JOIN gate g ON g.person_id = p.id AND NOT {IS_FEVER} AND g.taken_at >= d.made_at
 WHERE g.person_id IS NULL"""

HAD_FEVER = f"people p JOIN gate g ON g.person_id = p.id AND {IS_FEVER}"


class Statement:
    """The SQL of a comparison, and its parameters: dates are worked out here, rule by rule."""

    def __init__(self, present: Side, proposed: Side, at: datetime):
        self.sides = present, proposed
        self.at, self.today = at, day_of(at)
        self.parameters = {}
        for name, value in {"at": at, "today": self.today, "symptoms_since": at - SYMPTOMS_KEPT}.items():
            self.parameters[name] = _stored(value)

    def text(self) -> str:
        """The whole of it."""
        sources = [
            (LISTED, {Condition.RISK: self._listed}),
            (STAYED_IN_AREA, {Condition.AREA: self._stayed_in_area}),
            (LIVES_IN_AREA, {Condition.AREA: self._lives_in_area}),
            (STAYED, {Condition.ABROAD: self._abroad, Condition.CONTACT: self._contact}),
            (HAD_SYMPTOMS, {Condition.SYMPTOMS: self._symptoms}),
            (HAD_FEVER, {Condition.GATE_FEVER: self._gate_fever}),
        ]
        reasons = [EVERYBODY.format(**self._everybody())]
        reasons += [branch for source, kinds in sources if (branch := self._branch(source, kinds))]
        people = PEOPLE.format(declared=int(Assurance.DECLARED))
        return people + "," + RESULT.format(reasons=" UNION ALL ".join(reasons), samples=SAMPLES)

    def _branch(self, source: str, kinds: dict[Condition, Callable[[Rule], str]]) -> str:
        """A row for each fact of a source; empty if no rule asks for one."""
        if not any(self._counting(side, kinds) for side in self.sides):
            return ""
        was, becomes = (
            _worst((SEVERITY[rule.colour], kinds[rule.condition](rule)) for rule in self._counting(side, kinds))
            for side in self.sides
        )
        if "{counts}" in source:
            present, proposed = (side.counts for side in self.sides)
            was, becomes = (
                f"CASE WHEN {present} THEN {was} ELSE 0 END",
                f"CASE WHEN {proposed} THEN {becomes} ELSE 0 END",
            )
            source = source.format(counts=f"{present} OR {proposed}")
        return REASONS.format(was=was, becomes=becomes, source=source)

    def _everybody(self) -> dict[str, str]:
        """What does not need a fact."""
        cases = []
        for side in self.sides:
            kinds = {Condition.NOT_CURRENT: self._not_current, Condition.STALE: lambda _rule, side=side: side.stale}
            counting = self._counting(side, kinds)
            cases.append(_worst((SEVERITY[rule.colour], kinds[rule.condition](rule)) for rule in counting))
        return dict(zip(("was", "becomes"), cases, strict=True))

    def _counting(self, side: Side, kinds: Iterable[Condition]) -> list[Rule]:
        return [rule for rule in side.rules if rule.condition in kinds and rule.counts(self.at)]

    # The conditions of `colour.CONDITIONS`, one for one

    def _listed(self, rule: Rule) -> str:
        return f"r.category = {self._value(rule.parameter)}"

    def _stayed_in_area(self, rule: Rule) -> str:
        first = self._value(self.today - timedelta(days=rule.days))
        return f"{self._level(rule)} AND s.to_on >= {first} AND (a.ends_on IS NULL OR a.ends_on >= {first})"

    def _lives_in_area(self, rule: Rule) -> str:
        first = self._value(self.today - timedelta(days=rule.days))
        return f"{self._level(rule)} AND (a.ends_on IS NULL OR a.ends_on >= {first})"

    def _level(self, rule: Rule) -> str:
        return f"a.level = {self._value(rule.parameter)}"

    def _abroad(self, rule: Rule) -> str:
        return f"s.division = {ABROAD} AND s.to_on >= {self._value(self.today - timedelta(days=rule.days))}"

    def _contact(self, rule: Rule) -> str:
        return f"s.kind = 'contact' AND s.to_on >= {self._value(self.today - timedelta(days=rule.days))}"

    def _symptoms(self, rule: Rule) -> str:
        return f"d.made_at > {self._value(self.at - timedelta(hours=rule.hours))}"

    def _gate_fever(self, rule: Rule) -> str:
        return f"g.taken_at > {self._value(self.at - timedelta(hours=rule.hours))}"

    def _not_current(self, rule: Rule) -> str:
        return f"p.made_at IS NULL OR p.made_at <= {self._value(self.at - timedelta(days=rule.days))}"

    def _value(self, value: str | date | datetime) -> str:
        """Its place in the statement."""
        name = f"value_{len(self.parameters)}"
        self.parameters[name] = _stored(value)
        return f"%({name})s"


def _worst(cases: Iterable[tuple[int, str]]) -> str:
    """The severity of the worst case that is true, in SQL; 0 if none is."""
    ordered = sorted(cases, key=lambda case: -case[0])
    if not ordered:
        return "0"
    return "CASE " + " ".join(f"WHEN {condition} THEN {severity}" for severity, condition in ordered) + " ELSE 0 END"


def _stored(value: str | date | datetime) -> str | date | datetime:
    """As the database in use keeps it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_datefield_value(value) if isinstance(value, date) else value
