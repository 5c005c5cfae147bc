"""What a draft would do to the present population: `colour.assess` for everybody at once, in one statement.

The population is everybody whose identity has been checked, with a code or without: entrances look documents up, too.
Who is only declared is neutral whatever the rules, and left out. A test holds the statement against `assess` with
random people, on both databases.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from declarations.models import Person
from passcodes import facts, rules
from passcodes.colour import Colour, assess
from passcodes.dry_run_sql import BETTER_FIRST, SEVERITY, Side, Statement
from passcodes.facts import STALE
from passcodes.models import RiskBatch, RiskSource, RuleSet
from passcodes.risk_models import BatchState
from passcodes.rule_models import RuleSetState

SAMPLES = 20
LEAST_TOLD_APART = 10  # people who turn: of fewer, a list of one's own choice would tell what colour somebody has
AT_ONCE = 500  # people whom an appeal concerns


class Decided(Exception):
    """It was refused or withdrawn, so it can never count, or has not begun: there is nothing to try out."""


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
    """Somebody who would turn, masked, and which person it is, for the audit."""

    person: int
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
    def is_of_few(self) -> bool:
        """Whether so few would turn that nobody is told who, where, or from which colour to which."""
        return 0 < self.turning < LEAST_TOLD_APART

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


def of_rules(rule_set: RuleSet, at: datetime) -> Effect:
    """What changes if a draft decides from `at` on, instead of the rules that do; or if a set that has begun is
    withdrawn, and the one before it decides again, or the default rules. Raises Decided.
    """
    present = Side(rules.at_present(at))
    if rule_set.state == RuleSetState.DRAFT:
        return compare(present, Side(tuple(row.value for row in rule_set.rules.order_by("pk"))), at)
    if rules.has_begun(rule_set, at):
        before = rules.without(rule_set, at)
        return compare(present, Side(rules.in_force(before and before.number)), at)
    raise Decided


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
    cells, sampled, appealed = Counter(), {}, {}
    for was, becomes, division, people, person in _rows(Statement(present, proposed, at)):
        if was is None:
            appealed[person] = division
        elif person is None:
            cells[division, BETTER_FIRST[was], BETTER_FIRST[becomes]] = people
        else:
            sampled[person] = BETTER_FIRST[was], BETTER_FIRST[becomes]
    for person, was, becomes in _assessed(list(appealed), present, proposed, at):
        cells[appealed[person], was, becomes] += 1
        if was != becomes and len(sampled) < SAMPLES:
            sampled[person] = was, becomes
    ordered = sorted(cells.items(), key=lambda item: (item[0][0] is None, item[0]))
    return Effect(tuple(Cell(*key, people) for key, people in ordered), _samples(sampled))


def _rows(statement: Statement) -> list[tuple]:
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(statement.text(SAMPLES), statement.parameters)
        return cursor.fetchall()


def _assessed(people: list[int], present: Side, proposed: Side, at: datetime) -> Iterator[tuple[int, Colour, Colour]]:
    """Both colours of each, by the pure function: what an appeal does is too much for a statement."""
    for start in range(0, len(people), AT_ONCE):
        found = []
        for side in (present, proposed):
            chunk = people[start : start + AT_ONCE]
            rows = facts.for_people(person_ids=chunk, at=at, counting=side.counting, stale=side.stale)
            found.append({pk: assess(facts.facts_of(row), side.rules, at).colour for pk, row in rows.items()})
        was, becomes = found
        yield from ((person, was[person], becomes[person]) for person in sorted(was.keys() & becomes.keys()))


def _samples(turns: dict[int, tuple[Colour, Colour]]) -> tuple[Sample, ...]:
    """Masked, the worst colours first."""
    people = Person.objects.only("name", "document_number").in_bulk(list(turns))
    samples = [Sample(pk, one.masked_name, one.masked_document, *turns[pk]) for pk, one in people.items()]
    return tuple(sorted(samples, key=lambda sample: (-SEVERITY[sample.becomes], sample.document, sample.name)))
