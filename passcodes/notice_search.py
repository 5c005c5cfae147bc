"""Finds, set by set in the database, whose colour may have changed or may change again.

A batch is searched once after its release and once after its withdrawal, rules once after they have begun or ended,
each in one statement whatever its size. Appeals tell by their dates. Colours that were shown yellow or red are followed
to their end. Where the person is known when something is written, it is written there (`about_person`,
`about_document`). What the colour then is, `notices` sees when it is due.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from passcodes import rules
from passcodes.colour import BEIJING, Colour, Rule, start_of
from passcodes.dry_run_sql import Side, Statement
from passcodes.facts import WAS_THERE, as_database_values
from passcodes.models import ColourChange, Notice, NoticeSearch, RiskArea, RiskBatch, RuleSet
from passcodes.risk_models import BatchKind, BatchState, BatchWay
from passcodes.rule_models import RuleSetState

QUIET_FROM, QUIET_UNTIL = 21, 8  # hours in Beijing: nobody is woken
SINCE = timedelta(days=1)  # what happened longer ago is no news
SECONDS = 10  # of searching at a time: people wait for the worker's other tasks
ROWS_SEEN_AGAIN = 1_000  # colour changes that a slow transaction may have put before those already seen

# Whoever holds the person, or else acts for them. Nothing colours a person who is only declared, so nothing is told.
TELL = """
INSERT INTO passcodes_notice (person_id, account_id, cause, created_at, due_at, tries, kind)
SELECT DISTINCT p.id, COALESCE(p.holder_id, x.account_id), {cause}, %(at)s, %(due)s, 0, ''
  FROM declarations_person p
  LEFT JOIN declarations_proxy x
    ON p.holder_id IS NULL AND x.person_id = p.id AND x.confirmed_at IS NOT NULL AND x.ended_at IS NULL
  {among}
 WHERE p.assurance > 0 AND COALESCE(p.holder_id, x.account_id) IS NOT NULL AND {which}
    ON CONFLICT DO NOTHING
"""
NAMED = "CAST(%(name)s AS varchar)"
PEOPLE = "p.document_hash IN (SELECT document_hash FROM passcodes_riskrecord WHERE batch_id = {about})"
# Of named places only who has said that they were there: a question turns nobody's colour.
IN_AREAS = f"""
p.id IN (
SELECT d.person_id FROM declarations_declaration d JOIN passcodes_riskarea a ON {{area}}
   AND a.place = '' AND a.division IN (d.division, d.division / 100 * 100, d.division / 10000 * 10000)
 UNION
SELECT d.person_id FROM declarations_declaration d JOIN declarations_stay s ON s.declaration_id = d.id
  JOIN passcodes_riskarea a ON {{area}}
   AND a.place = '' AND a.division IN (s.division, s.division / 100 * 100, s.division / 10000 * 10000)
 UNION
SELECT w.person_id FROM passcodes_placeanswer w JOIN passcodes_riskarea said ON said.id = w.area_id
  JOIN passcodes_riskarea a ON {{area}} AND {WAS_THERE})
"""
AREAS, AREA = (IN_AREAS.format(area=f"a.{column} = {{about}}") for column in ("batch_id", "id"))
APPEALS = "JOIN passcodes_appeal e ON e.person_id = p.id"
APPEAL_CAUSE = "CASE e.state WHEN 'waiting' THEN 'overdue:' ELSE 'appeal:' END || e.id"
APPEAL_WHICH = """
(e.decided_at > %(since)s OR e.state = 'waiting' AND e.due_at > %(since)s AND e.due_at <= %(at)s)
"""
SHOWN = "JOIN passcodes_colourchange c ON c.person_id = p.id AND c.id > %(after)s AND c.id <= %(last)s"


@dataclass(frozen=True)
class RuleChange:
    """One set of rules, all of which count, in place of another."""

    was: tuple[Rule, ...]
    becomes: tuple[Rule, ...]


def waking(at: datetime) -> datetime:
    """The time itself, or the end of the quiet hours that it lies in."""
    local = at.astimezone(BEIJING)
    if QUIET_UNTIL <= local.hour < QUIET_FROM:
        return at
    morning = start_of(local.date()) + timedelta(hours=QUIET_UNTIL)
    return morning if local.hour < QUIET_UNTIL else morning + timedelta(days=1)


def search(at: datetime, *, seconds: float = SECONDS) -> bool:
    """Write a Notice for everybody who may have to be told something by what happened until now.

    For some seconds; whether there may be more.
    """
    enough = time.monotonic() + seconds
    search_shown(at=at)
    _write("", at=at, due=at, cause=APPEAL_CAUSE, among=APPEALS, which=APPEAL_WHICH, since=at - SINCE)
    waiting = dict((*_batches(at), *_rules(at)))
    done = set(NoticeSearch.objects.filter(cause__in=waiting).values_list("cause", flat=True))
    for cause in [cause for cause in waiting if cause not in done]:
        if time.monotonic() > enough:
            return True
        search_for(waiting[cause], cause=cause, at=at)
    return False


def _batches(at: datetime) -> Iterator[tuple[str, RiskBatch]]:
    """Those of late that began or ceased to count, by cause. Of what the national platform says the asker tells."""
    for state, name, by in (
        (BatchState.VISIBLE, "released", "released_by"),
        (BatchState.WITHDRAWN, "withdrawn", "withdrawn_by"),
    ):
        found = RiskBatch.objects.filter(state=state, **{f"{name}_at__gt": at - SINCE})
        for batch in found.exclude(**{"way": BatchWay.NATIONAL, by: None}).only("pk", "kind").order_by("pk"):
            yield f"{name}:{batch.pk}", batch


def _rules(at: datetime) -> Iterator[tuple[str, RuleChange]]:
    """What took the place of what of late, by cause: a set that began or was withdrawn, a rule by its date."""
    since, now = at - SINCE, _counting(rules.at_present(at), at)
    for rule_set in RuleSet.objects.filter(state=RuleSetState.RELEASED, valid_from__gt=since, valid_from__lte=at):
        yield f"rules:{rule_set.number}", RuleChange(_before(rule_set.valid_from), now)
    ended = RuleSet.objects.filter(state=RuleSetState.WITHDRAWN, withdrawn_at__gt=since)
    for rule_set in ended.filter(valid_from__lte=F("withdrawn_at")):
        yield f"rules:{rule_set.number}:withdrawn", RuleChange(_counting(rules.in_force(rule_set.number), at), now)
    dates = {date for rule in rules.at_present(at) for date in (rule.valid_from, rule.valid_to) if date}
    for date in sorted(dates):
        if since < date <= at:
            yield f"rules:{date.timestamp():.6f}", RuleChange(_before(date), now)


def _before(at: datetime) -> tuple[Rule, ...]:
    """The rules that decided until then."""
    at -= timedelta(microseconds=1)
    return _counting(rules.at_present(at), at)


def _counting(found: Iterable[Rule], at: datetime) -> tuple[Rule, ...]:
    """Those of the rules that count at that time, whenever they are looked at."""
    return tuple(replace(rule, valid_from=None, valid_to=None) for rule in found if rule.counts(at))


@transaction.atomic
def search_for(found: RiskBatch | RuleChange, *, cause: str, at: datetime) -> None:
    """Everybody whom a row of the batch is about, or an area of it; or whom the rules turn."""
    NoticeSearch.objects.create(cause=cause, at=at)
    if isinstance(found, RuleChange):
        statement = Statement(Side(found.was), Side(found.becomes), at)
        which = f"p.id IN ({statement.turning()})"
        given = {name: value for name, value in statement.parameters.items() if name != "at"}
        _write(cause, at=at, due=at, which=which, **given)
    else:
        # The number itself, no parameter: whether it is one row or a million makes another plan.
        which = (PEOPLE if found.kind == BatchKind.PEOPLE else AREAS).format(about=int(found.pk))
        _write(cause, at=at, due=at, which=which)


def search_area(*, area: RiskArea, at: datetime) -> None:
    """Everybody who lives in an area, or was there, when its last day has been put earlier."""
    _write(f"ended:area:{area.pk}:{area.ends_on}", at=at, due=at, which=AREA.format(about=int(area.pk)))


def about_person(*, person_id: int, cause: str, at: datetime, due: datetime) -> None:
    """Of this person something was written."""
    _write(cause, at=at, due=due, which="p.id = %(person)s", person=person_id)


def about_document(*, document_hash: str, cause: str, at: datetime, due: datetime) -> None:
    """Of the person with this document something was written."""
    _write(cause, at=at, due=due, which="p.document_hash = %(document)s", document=document_hash)


@transaction.atomic
def search_shown(*, at: datetime) -> None:
    """Everybody of whom yellow or red has been shown: that will end, and others may not know it."""
    last = ColourChange.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    mark, made = NoticeSearch.objects.get_or_create(cause="shown", defaults={"at": at, "position": last})
    if made or mark.position == last:
        return  # at the first time: what was shown before this came into use is not followed
    which = f"c.colour IN ({Colour.YELLOW:d}, {Colour.RED:d})"
    after = mark.position - ROWS_SEEN_AGAIN
    _write("", at=at, due=at, cause="'shown:' || c.id", among=SHOWN, which=which, after=after, last=last)
    mark.position, mark.at = last, at
    mark.save(update_fields=["position", "at"])


def _write(name: str, *, at: datetime, due: datetime, which: str, cause: str = NAMED, among: str = "", **given) -> None:
    """The Notices of those whom `which` means, due by day. `cause`: in SQL, where it is not one `name` for all."""
    given |= {"name": name, "at": at, "due": waking(due)}
    sql = TELL.format(cause=cause, among=among, which=which)
    if connection.vendor == "postgresql":
        for moment in ("at", "due", "since"):
            sql = sql.replace(f"%({moment})s", f"CAST(%({moment})s AS timestamptz)")
    with connection.cursor() as cursor:
        cursor.execute(sql, as_database_values(given))


def follow(rows: list[Notice]) -> None:
    """Look again when a colour is due to change; once, whatever said so."""
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
