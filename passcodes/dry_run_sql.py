"""The statement of a dry run: everybody's present and proposed colour, condition by condition as in `colour`.

People of whom an appeal changes something are only named: `colour.assess` judges them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection

from declarations.models import Assurance
from passcodes.colour import ABROAD, WORST_FIRST, Colour, Condition, Rule, day_of
from passcodes.evidence import FEVER
from passcodes.facts import STALE, SYMPTOMS_KEPT, VISIBLE, WAS_THERE

BETTER_FIRST = WORST_FIRST[::-1]
SEVERITY = {colour: place for place, colour in enumerate(BETTER_FIRST)}  # 0 = green: nothing applies

Tests = dict[Condition, Callable[[Rule], str]]  # in SQL, whether a rule applies to a fact


@dataclass(frozen=True)
class Side:
    """One of the two worlds that are compared: where `plus` counts beside the batches in force, or `minus` do not.

    `stale` says in SQL whether risk data are not up to date.
    """

    rules: tuple[Rule, ...]
    plus: int | None = None
    minus: tuple[int, ...] = ()
    stale: str = STALE

    @property
    def counting(self) -> str:
        """Whether batch `b` counts, in SQL."""
        if self.plus is not None:
            return f"{VISIBLE} OR b.id = {self.plus}"
        if self.minus:
            return f"{VISIBLE} AND b.id NOT IN ({', '.join(map(str, self.minus))})"
        return VISIBLE


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
appealed AS (
  SELECT DISTINCT person_id FROM passcodes_appeal
   WHERE (state = 'granted' AND decided_at <= %(at)s) OR (state = 'waiting' AND due_at <= %(at)s)),
people AS (
  SELECT p.id, p.document_hash, latest.id AS declaration_id, latest.made_at, latest.division,
         appealed.person_id AS appealed
    FROM declarations_person p
    LEFT JOIN latest ON latest.person_id = p.id
    LEFT JOIN appealed ON appealed.person_id = p.id
   WHERE p.assurance > {declared}),
places AS (
  SELECT known.division, a.level, a.starts_on, a.ends_on, a.batch_id
    FROM (SELECT division FROM people UNION SELECT division FROM declarations_stay) known
    CROSS JOIN (SELECT 1 AS width UNION ALL SELECT 100 UNION ALL SELECT 10000) wider
    JOIN passcodes_riskarea a ON a.division = known.division / wider.width * wider.width
   WHERE a.place = '' AND a.starts_on <= %(today)s),
"""

# The severity of each reason, and with it everybody's colour.
VERDICTS = """
reasons AS (
  SELECT person_id, MAX(was) AS was, MAX(becomes) AS becomes FROM ({reasons}) found
   WHERE was > 0 OR becomes > 0 GROUP BY person_id),
verdicts AS (
  SELECT p.id AS person_id, p.division,
         CASE WHEN r.was > {was} THEN r.was ELSE {was} END AS was,
         CASE WHEN r.becomes > {becomes} THEN r.becomes ELSE {becomes} END AS becomes
    FROM people p LEFT JOIN reasons r ON r.person_id = p.id
   WHERE p.appealed IS NULL)
"""
COUNTED = """
SELECT was, becomes, division, COUNT(*) AS people, NULL AS person_id FROM verdicts GROUP BY was, becomes, division
 UNION ALL
SELECT * FROM (SELECT v.was, v.becomes, v.division, 0, p.id
                 FROM verdicts v JOIN declarations_person p ON p.id = v.person_id
                WHERE v.was <> v.becomes ORDER BY p.document_hash LIMIT {samples}) samples
 UNION ALL
SELECT NULL, NULL, division, 1, id FROM people WHERE appealed IS NOT NULL
"""

TURNING = """
SELECT person_id FROM verdicts WHERE was <> becomes AND (was > {neutral} OR becomes > {neutral})
 UNION ALL
SELECT id FROM people WHERE appealed IS NOT NULL
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
  JOIN people p ON p.declaration_id = s.declaration_id
  JOIN passcodes_riskbatch b ON b.id = a.batch_id"""

LIVES_IN_AREA = """
  places a JOIN people p ON p.division = a.division
  JOIN passcodes_riskbatch b ON b.id = a.batch_id"""

WAS_IN_PLACE = f"""
  passcodes_placeanswer w JOIN passcodes_riskarea said ON said.id = w.area_id
  JOIN passcodes_riskarea a ON {WAS_THERE} AND a.starts_on <= %(today)s
  JOIN people p ON p.id = w.person_id
  JOIN passcodes_riskbatch b ON b.id = a.batch_id"""

STAYED = f"""
  people p JOIN declarations_stay s ON s.declaration_id = p.declaration_id
   AND (s.division = {ABROAD} OR s.kind = 'contact')"""

UNANSWERED = """(p.declaration_id IS NOT NULL AND NOT EXISTS
    (SELECT 1 FROM passcodes_nationalquery n
      WHERE n.declaration_id = p.declaration_id AND n.answered_at IS NOT NULL))"""

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

    def text(self, samples: int) -> str:
        """The whole of it. Its rows: severity now and then, division, people, person.

        Without a person it is a count; with one it is a sample, its people counted elsewhere, or one person more whom
        an appeal concerns, without severities.
        """
        return self._verdicts() + COUNTED.format(samples=samples)

    def turning(self) -> str:
        """The statement of the ids alone: who turns to yellow or red, or from there; and whom an appeal concerns."""
        return self._verdicts() + TURNING.format(neutral=SEVERITY[Colour.NEUTRAL])

    def _verdicts(self) -> str:
        branches = [
            self._branch(LISTED, {Condition.RISK: self._listed}, in_batch=True),
            self._branch(STAYED_IN_AREA, {Condition.AREA: self._stayed_in_area}, in_batch=True),
            self._branch(LIVES_IN_AREA, {Condition.AREA: self._lives_in_area}, in_batch=True),
            self._branch(WAS_IN_PLACE, {Condition.AREA: self._was_in_place}, in_batch=True),
            self._branch(STAYED, {Condition.ABROAD: self._abroad, Condition.CONTACT: self._contact}),
            self._branch(HAD_SYMPTOMS, {Condition.SYMPTOMS: self._symptoms}),
            self._branch(HAD_FEVER, {Condition.GATE_FEVER: self._gate_fever}),
        ]
        reasons = " UNION ALL ".join(filter(None, branches)) or NO_REASON
        was, becomes = (self._case(side, self._of_everybody(side)) for side in self.sides)
        people = PEOPLE.format(declared=int(Assurance.DECLARED))
        return people + VERDICTS.format(reasons=reasons, was=was, becomes=becomes)

    def _of_everybody(self, side: Side) -> Tests:
        """What does not need a fact of somebody's own."""
        return {
            Condition.NOT_CURRENT: self._not_current,
            Condition.STALE: lambda rule: side.stale,
            Condition.ASKED: lambda rule: UNANSWERED if settings.NATIONAL_URL else "FALSE",
        }

    def _branch(self, source: str, tests: Tests, *, in_batch: bool = False) -> str:
        """A row for each fact of a source; empty if no rule asks for one. `in_batch`: it counts with its batch `b`."""
        was, becomes = (self._case(side, tests, side.counting if in_batch else "") for side in self.sides)
        return "" if (was, becomes) == ("0", "0") else REASON.format(was=was, becomes=becomes, source=source)

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

    def _was_in_place(self, rule: Rule) -> str:
        return f"{self._lives_in_area(rule)} AND (w.last_on IS NULL OR w.last_on >= {self._days_ago(rule)})"

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
