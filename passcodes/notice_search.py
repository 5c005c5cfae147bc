"""Finds, set by set in the database, whose colour may have changed or may change again.

A batch is searched once after its release and once after its withdrawal, in one statement whatever its size. Colours
that were shown yellow or red are followed to their end. What the colour then is, `notices` sees when it is due.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction

from passcodes.colour import BEIJING, Colour, start_of
from passcodes.facts import WAS_THERE, as_database_values
from passcodes.models import ColourChange, Notice, NoticeSearch, RiskBatch
from passcodes.risk_models import BatchKind, BatchState

QUIET_FROM, QUIET_UNTIL = 21, 8  # hours in Beijing: nobody is woken
BATCHES_SINCE = timedelta(days=1)  # what was released longer ago is no news
ROWS_SEEN_AGAIN = 1_000  # colour changes that a slow transaction may have put before those already seen

# Whoever holds the person, or else acts for them. Nothing colours a person who is only declared, so nothing is told.
TELL = """
INSERT INTO passcodes_notice (person_id, account_id, cause, created_at, due_at, tries, kind)
SELECT DISTINCT p.id, COALESCE(p.holder_id, x.account_id), {cause}, {now}, {due}, 0, ''
  FROM declarations_person p
  LEFT JOIN declarations_proxy x
    ON p.holder_id IS NULL AND x.person_id = p.id AND x.confirmed_at IS NOT NULL AND x.ended_at IS NULL
  {among}
 WHERE p.assurance > 0 AND COALESCE(p.holder_id, x.account_id) IS NOT NULL AND {which}
    ON CONFLICT DO NOTHING
"""
PEOPLE = "p.document_hash IN (SELECT document_hash FROM passcodes_riskrecord WHERE batch_id = %(batch)s)"
# Of named places only who has said that they were there: a question turns nobody's colour.
AREAS = f"""
(p.id IN (SELECT d.person_id FROM declarations_declaration d JOIN passcodes_riskarea a ON a.batch_id = %(batch)s
     AND a.place = '' AND a.division IN (d.division, d.division / 100 * 100, d.division / 10000 * 10000))
 OR p.id IN (SELECT d.person_id FROM declarations_declaration d JOIN declarations_stay s ON s.declaration_id = d.id
     JOIN passcodes_riskarea a ON a.batch_id = %(batch)s
     AND a.place = '' AND a.division IN (s.division, s.division / 100 * 100, s.division / 10000 * 10000))
 OR p.id IN (SELECT w.person_id FROM passcodes_placeanswer w JOIN passcodes_riskarea said ON said.id = w.area_id
     JOIN passcodes_riskarea a ON a.batch_id = %(batch)s AND {WAS_THERE}))
"""
SHOWN = "JOIN passcodes_colourchange c ON c.person_id = p.id AND c.id > %(after)s AND c.id <= %(last)s"


def waking(at: datetime) -> datetime:
    """The time itself, or the end of the quiet hours that it lies in."""
    local = at.astimezone(BEIJING)
    if QUIET_UNTIL <= local.hour < QUIET_FROM:
        return at
    morning = start_of(local.date()) + timedelta(hours=QUIET_UNTIL)
    return morning if local.hour < QUIET_UNTIL else morning + timedelta(days=1)


def search(at: datetime) -> None:
    """Write a Notice for everybody who may have to be told something by what happened until now."""
    for state, name in ((BatchState.VISIBLE, "released"), (BatchState.WITHDRAWN, "withdrawn")):
        batches = RiskBatch.objects.filter(state=state, **{f"{name}_at__gt": at - BATCHES_SINCE})
        found = {f"{name}:{batch.pk}": batch for batch in batches.only("pk", "kind").order_by("pk")}
        done = NoticeSearch.objects.filter(cause__in=found).values_list("cause", flat=True)
        for cause in [cause for cause in found if cause not in set(done)]:
            search_batch(batch=found[cause], cause=cause, at=at)
    search_shown(at=at)


@transaction.atomic
def search_batch(*, batch: RiskBatch, cause: str, at: datetime) -> None:
    """Everybody whom a row of the batch is about, or an area of it."""
    NoticeSearch.objects.create(cause=cause, at=at)
    which = PEOPLE if batch.kind == BatchKind.PEOPLE else AREAS
    tell = TELL.format(cause="CAST(%(cause)s AS varchar)", now=_TIME, due=_DUE, among="", which=which)
    _run(tell, {"cause": cause, "batch": batch.pk, "at": at, "due": waking(at)})


@transaction.atomic
def search_shown(*, at: datetime) -> None:
    """Everybody who has been shown yellow or red: that will end."""
    last = ColourChange.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    mark, made = NoticeSearch.objects.get_or_create(cause="shown", defaults={"at": at, "position": last})
    if made or mark.position == last:
        return  # at the first time: what was shown before this came into use is not followed
    tell = TELL.format(
        cause="'shown:' || c.id",
        now=_TIME,
        due=_TIME,
        among=SHOWN,
        which=f"c.colour IN ({Colour.YELLOW:d}, {Colour.RED:d})",
    )
    _run(tell, {"after": mark.position - ROWS_SEEN_AGAIN, "last": last, "at": at})
    mark.position, mark.at = last, at
    mark.save(update_fields=["position", "at"])


_TIME, _DUE = "%(at)s", "%(due)s"


def _run(sql: str, parameters: dict) -> None:
    if connection.vendor == "postgresql":
        sql = sql.replace("%(at)s", "CAST(%(at)s AS timestamptz)").replace("%(due)s", "CAST(%(due)s AS timestamptz)")
    with connection.cursor() as cursor:
        cursor.execute(sql, as_database_values(parameters))


def follow(rows: list[Notice]) -> None:
    """Look again when a colour is due to change; once, whatever said so."""
    Notice.objects.bulk_create(rows, ignore_conflicts=True)
