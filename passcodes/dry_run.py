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
STALE = "EXISTS (SELECT 1 FROM passcodes_risksource WHERE stale_from <= %(at)s)"

Tests = dict[Condition, Callable[[Rule], str]]  # in SQL, whether a rule applies to a fact


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
    """One of the two worlds that are compared: where `plus` counts beside the batches in force, or `minus` do not.

    `stale` says in SQL whether risk data are not up to date.
    """

    rules: tuple[Rule, ...]
    plus: int | None = None
    minus: tuple[int, ...] = ()
    stale: str = STALE

    def counts(self, batch: str, state: str) -> str:
        """Whether a batch counts, in SQL; given its columns."""
        if self.plus is not None:
            return f"{state} = 'visible' OR {batch} = {self.plus}"
        if self.minus:
            return f"{state} = 'visible' AND {batch} NOT IN ({', '.join(map(str, self.minus))})"
        return f"{state} = 'visible'"


def of_rules(rule_set: RuleSet, at: datetime) -> Effect:
    """What changes if these rules decide from `at` on, instead of those that do."""
    proposed = tuple(row.value for row in rule_set.rules.order_by("pk"))
    return compare(Side(rules.at_present(at)), Side(proposed), at)


def of_batch(batch: RiskBatch, at: datetime) -> Effect:
    """What changes if a draft is put in force at `at`, or if one that is in force is withdrawn. Raises Decided."""
    present = Side(rules.at_present(at))
    if batch.state == BatchState.DRAFT:
        return compare(present, Side(present.rules, plus=batch.pk, stale=_stale_with(batch, at)), at)
    if batch.state == BatchState.VISIBLE:
        return compare(present, Side(present.rules, minus=tuple(_with_renewals(batch))), at)
    raise Decided


def _stale_with(batch: RiskBatch, at: datetime) -> str:
    """Whether data would be stale after the release, which makes the batch's source as fresh as the batch."""
    source: RiskSource = batch.source
    stale_from = source.stale_after(max(batch.created_at, source.last_fresh_at or batch.created_at))
    if stale_from is not None and stale_from <= at:
        return "TRUE"
    return STALE.replace("WHERE", f"WHERE id <> {source.pk} AND")


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


# Who is looked at, what they last declared, the last reading at a gate, and where risk areas lie. `+ 0` keeps
# PostgreSQL from walking an index row by row: to sort all declarations takes half as long.
PEOPLE = """
WITH latest AS (
  SELECT * FROM (SELECT id, person_id, made_at, division,
                        row_number() OVER (PARTITION BY person_id + 0 ORDER BY made_at DESC) AS place
                   FROM declarations_declaration) numbered WHERE place = 1),
gate AS (
  SELECT * FROM (SELECT person_id, temperature, taken_at,
                        row_number() OVER (PARTITION BY person_id ORDER BY taken_at DESC) AS place
                   FROM passcodes_gatereading) numbered WHERE place = 1),
people AS (
  SELECT p.id, p.document_hash, latest.id AS declaration_id, latest.made_at, latest.division
    FROM declarations_person p LEFT JOIN latest ON latest.person_id = p.id
   WHERE p.assurance > {declared}),
places AS (
  SELECT known.division, a.id AS area_id, a.level, a.starts_on, a.ends_on, b.id AS batch_id, b.state
    FROM (SELECT division FROM people UNION SELECT division FROM declarations_stay) known
    CROSS JOIN (SELECT 1 AS width UNION ALL SELECT 100 UNION ALL SELECT 10000) wider
    JOIN passcodes_riskarea a ON a.division = known.division / wider.width * wider.width
    JOIN passcodes_riskbatch b ON b.id = a.batch_id
   WHERE a.starts_on <= %(today)s),
"""

# The severity of each reason, and with it everybody's colour.
RESULT = """
reasons AS (
  SELECT person_id, MAX(was) AS was, MAX(becomes) AS becomes FROM ({reasons}) found
   WHERE was > 0 OR becomes > 0 GROUP BY person_id),
verdicts AS (
  SELECT p.id AS person_id, p.division,
         CASE WHEN r.was > {was} THEN r.was ELSE {was} END AS was,
         CASE WHEN r.becomes > {becomes} THEN r.becomes ELSE {becomes} END AS becomes
    FROM people p LEFT JOIN reasons r ON r.person_id = p.id)
SELECT was, becomes, division, COUNT(*) AS people, NULL AS name, NULL AS number
  FROM verdicts GROUP BY was, becomes, division
 UNION ALL
SELECT * FROM (SELECT v.was, v.becomes, v.division, 0, p.name, p.document_number
                 FROM verdicts v JOIN declarations_person p ON p.id = v.person_id
                WHERE v.was <> v.becomes ORDER BY p.document_hash LIMIT {samples}) samples
"""

REASON = "SELECT p.id AS person_id, {was} AS was, {becomes} AS becomes FROM {source}"
NO_REASON = "SELECT id AS person_id, 0 AS was, 0 AS becomes FROM people WHERE id IS NULL"

LISTED = """
  passcodes_riskrecord r JOIN passcodes_riskbatch b ON b.id = r.batch_id
  JOIN people p ON p.document_hash = r.document_hash
 WHERE r.starts_at <= %(at)s AND (r.ends_at IS NULL OR r.ends_at > %(at)s)"""

STAYED_IN_AREA = """
  places a JOIN declarations_stay s ON s.division = a.division
   AND a.starts_on <= s.to_on AND (a.ends_on IS NULL OR a.ends_on >= s.from_on)
  JOIN people p ON p.declaration_id = s.declaration_id"""

LIVES_IN_AREA = "places a JOIN people p ON p.division = a.division"

STAYED = f"""
  people p JOIN declarations_stay s ON s.declaration_id = p.declaration_id
   AND (s.division = {ABROAD} OR s.kind = 'contact')"""

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
            (LISTED, {Condition.RISK: self._listed}, "b.id", "b.state"),
            (STAYED_IN_AREA, {Condition.AREA: self._stayed_in_area}, "a.batch_id", "a.state"),
            (LIVES_IN_AREA, {Condition.AREA: self._lives_in_area}, "a.batch_id", "a.state"),
            (STAYED, {Condition.ABROAD: self._abroad, Condition.CONTACT: self._contact}),
            (HAD_SYMPTOMS, {Condition.SYMPTOMS: self._symptoms}),
            (HAD_FEVER, {Condition.GATE_FEVER: self._gate_fever}),
        ]
        reasons = [branch for source in sources if (branch := self._branch(*source))]
        was, becomes = (
            self._case(
                side, {Condition.NOT_CURRENT: self._not_current, Condition.STALE: lambda _, side=side: side.stale}
            )
            for side in self.sides
        )
        people = PEOPLE.format(declared=int(Assurance.DECLARED))
        union = " UNION ALL ".join(reasons or [NO_REASON])
        return people + RESULT.format(reasons=union, was=was, becomes=becomes, samples=SAMPLES)

    def _branch(self, source: str, tests: Tests, batch: str = "", state: str = "") -> str:
        """A row for each fact of a source; empty if no rule asks for one. `batch`, `state`: columns of the fact's."""
        cases = [self._case(side, tests, side.counts(batch, state) if batch else "") for side in self.sides]
        if cases == ["0", "0"]:
            return ""
        return REASON.format(was=cases[0], becomes=cases[1], source=source)

    def _case(self, side: Side, tests: Tests, only: str = "") -> str:
        """The severity of the worst rule whose test is true, in SQL; 0 if none is, or unless `only` is true."""
        rules = [rule for rule in side.rules if rule.condition in tests and rule.counts(self.at)]
        rules.sort(key=lambda rule: -SEVERITY[rule.colour])
        if not rules:
            return "0"
        unless = f"WHEN NOT ({only}) THEN 0 " if only else ""
        whens = (f"WHEN {tests[rule.condition](rule)} THEN {SEVERITY[rule.colour]}" for rule in rules)
        return f"CASE {unless}{' '.join(whens)} ELSE 0 END"

    # The conditions of `colour.CONDITIONS`, one for one

    def _listed(self, rule: Rule) -> str:
        return f"r.category = {self._value(rule.parameter)}"

    def _stayed_in_area(self, rule: Rule) -> str:
        return f"{self._lives_in_area(rule)} AND s.to_on >= {self._days_ago(rule)}"

    def _lives_in_area(self, rule: Rule) -> str:
        return f"a.level = {self._value(rule.parameter)} AND (a.ends_on IS NULL OR a.ends_on >= {self._days_ago(rule)})"

    def _abroad(self, rule: Rule) -> str:
        return f"s.division = {ABROAD} AND s.to_on >= {self._days_ago(rule)}"

    def _contact(self, rule: Rule) -> str:
        return f"s.kind = 'contact' AND s.to_on >= {self._days_ago(rule)}"

    def _symptoms(self, rule: Rule) -> str:
        return f"d.made_at > {self._value(self.at - timedelta(hours=rule.hours))}"

    def _gate_fever(self, rule: Rule) -> str:
        return f"g.taken_at > {self._value(self.at - timedelta(hours=rule.hours))}"

    def _not_current(self, rule: Rule) -> str:
        return f"p.made_at IS NULL OR p.made_at <= {self._value(self.at - timedelta(days=rule.days))}"

    def _days_ago(self, rule: Rule) -> str:
        """The first day that counts still: a fact of the day before has ended with yesterday."""
        return self._value(self.today - timedelta(days=rule.days))

    def _value(self, value: str | date | datetime) -> str:
        """Its place in the statement."""
        name = f"value_{len(self.parameters)}"
        self.parameters[name] = _stored(value)
        return f"%({name})s"


def _stored(value: str | date | datetime) -> str | date | datetime:
    """As the database in use keeps it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return connection.ops.adapt_datefield_value(value) if isinstance(value, date) else value
