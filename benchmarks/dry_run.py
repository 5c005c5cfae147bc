"""How long a draft takes to be tried on a province of a million, and how long one person's colour takes.

Run as `python -m benchmarks.dry_run`, or as a part of all.
"""

import json
import statistics
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from django.core.management import call_command
from django.db import connection

from benchmarks import data, drop_database
from passcodes import dry_run
from passcodes.colour import DEFAULT_RULES, Colour, assess, day_of
from passcodes.evidence import AreaMatch, Declared, Facts, Reading, Risk, Stay
from passcodes.models import RiskBatch
from tests import factories

PEOPLE, DECLARATIONS, STAYS, READINGS = 1_000_000, 1_500_000, 300_000, 50_000
RISKS, DRAFT_ROWS, AREAS = 1_000_000, 100_000, 60
ROUNDS = 5
CALLS = 20_000

# A tenth of the people are listed in force, a hundredth in the draft. Homes lie in 98 counties, ten of them risk areas,
# as is a quarter of the places where people have stayed.
FILL = """
INSERT INTO accounts_account (id, password, is_active, last_four_hash, created_at)
VALUES (1, '!', true, md5('four'), %(at)s);

INSERT INTO declarations_person (id, name, name_hash, document_kind, document_number, document_hash,
    document_last_four_hash, sex, birth_date, assurance, needs_desk, created_at)
SELECT n, %(name)s, md5('name' || n), '01', %(number)s, md5('document' || n),
    md5('four' || n), '1', %(birth_date)s, 1, false, %(at)s FROM generate_series(1, %(people)s) n;

INSERT INTO declarations_declaration (id, person_id, account_id, made_at, form_version, phone, division, address,
    fever, dry_cough, fatigue, other_symptoms, created_at)
SELECT n, (n * 7919) %% %(people)s + 1, 1,
    %(at)s - CASE WHEN n > %(people)s THEN interval '1 hour' ELSE interval '2 days' END,
    1, %(declared_phone)s, 210100 + n %% 14 * 100 + n / 14 %% 7 + 1, %(address)s, n %% 1000 = 0, false, false,
    %(symptoms)s, %(at)s
  FROM generate_series(1, %(declarations)s::bigint) n;

INSERT INTO declarations_stay (declaration_id, kind, division, from_on, to_on)
SELECT n, 'travel', 110100 + n %% 200, current_date - 3, current_date - 2
  FROM generate_series(1, %(declarations)s, %(declarations)s / %(stays)s) n;

INSERT INTO passcodes_gatereading (person_id, temperature, taken_at)
SELECT n * 20, 36.5, %(at)s - interval '3 hours' FROM generate_series(1, %(readings)s) n;

INSERT INTO passcodes_risksource (id, slug, name, office, office_phone, fresh_hours, pull_url, cursor, stale_from,
    created_at)
VALUES (1, 'bench', 'source', 'office', '024-12320', 24, '', '', %(at)s + interval '1 day', %(at)s);

INSERT INTO passcodes_riskbatch (id, source_id, name, digest, kind, way, state, rows, applied, errors, duplicates,
    has_managed, problems, created_at, released_at)
SELECT n, 1, 'batch-' || n, '', 'people', 'push', CASE WHEN n = 1 THEN 'draft' ELSE 'visible' END, 1, 1, 0, 0, false,
    '[]', %(at)s, %(at)s
  FROM generate_series(1, 1000) n;

INSERT INTO passcodes_riskarea (batch_id, division, level, starts_on, source)
SELECT 2, CASE WHEN n > 50 THEN 210100 + (n - 50) * 100 + 1 ELSE 110100 + n END,
    CASE WHEN n %% 2 = 0 THEN 'high' ELSE 'medium' END, current_date - 5, 'bench'
  FROM generate_series(1, %(areas)s) n;

INSERT INTO passcodes_riskrecord (batch_id, document_hash, category, starts_at, source, office, office_phone)
SELECT n %% 998 + 2, CASE WHEN n %% 10 = 0 THEN md5('document' || n) ELSE md5('other' || n) END,
    CASE WHEN n %% 3 = 0 THEN 'confirmed' ELSE 'secondary_contact' END,
    %(at)s - interval '1 day', 'bench', 'office', '024-12320' FROM generate_series(1, %(risks)s) n;

INSERT INTO passcodes_riskrecord (batch_id, document_hash, category, starts_at, source, office, office_phone)
SELECT 1, CASE WHEN n %% 10 = 0 THEN md5('document' || n) ELSE md5('new' || n) END, 'close_contact',
    %(at)s - interval '1 day', 'bench', 'office', '024-12320' FROM generate_series(1, %(draft_rows)s) n;
"""
EMPTY = (
    "TRUNCATE declarations_person, passcodes_riskbatch, passcodes_risksource RESTART IDENTITY CASCADE",
    "DELETE FROM passcodes_colourrule",
    "DELETE FROM passcodes_ruleset",
    "DELETE FROM accounts_account",
)


def fill(at: datetime) -> None:
    """The province, as its risk data stand, and a draft of a hundred thousand rows."""
    values = {
        **data.ciphertexts(),
        "at": at,
        "people": PEOPLE,
        "declarations": DECLARATIONS,
        "stays": STAYS,
        "readings": READINGS,
        "areas": AREAS,
        "risks": RISKS,
        "draft_rows": DRAFT_ROWS,
    }
    with connection.cursor() as cursor:
        with ExitStack() as stack:
            for table in ("declarations_declaration", "declarations_stay", "passcodes_gatereading"):
                stack.enter_context(data.no_foreign_keys(cursor, table))
            for statement in filter(str.strip, FILL.split(";\n")):
                cursor.execute(statement, values)
        cursor.execute("VACUUM ANALYZE")


def timed(count) -> tuple[float, dry_run.Effect]:
    """Median seconds of some rounds, and what was found."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        effect = count()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken), effect


def lines() -> list[dict]:
    """The lines of `dry_run`, of a list and of rules, and of `assess`. The database is empty before and after."""
    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    fill(now)
    draft = factories.rule_draft(at=now)
    draft.rules.filter(parameter="medium").update(colour=Colour.RED)
    batch = RiskBatch.objects.select_related("source").get(pk=1)
    size = {"people": PEOPLE, "declarations": DECLARATIONS, "stays": STAYS, "risk_rows": RISKS + DRAFT_ROWS}
    found = []
    for of, count in {
        "batch": lambda: dry_run.of_batch(batch, now),
        "rules": lambda: dry_run.of_rules(draft, now),
    }.items():
        seconds, effect = timed(count)
        assert effect.population == PEOPLE, effect.population
        found.append({"name": "dry_run", "of": of, "seconds": round(seconds, 2), "turning": effect.turning, **size})
    with connection.cursor() as cursor:
        for statement in EMPTY:
            cursor.execute(statement)
    return [*found, *assessed(now)]


def assessed(now: datetime) -> list[dict]:
    """What the pure function takes for somebody without any risk, and for somebody with a lot."""
    today, hour = day_of(now), timedelta(hours=1)
    healthy = Declared(now - hour, fever=False, dry_cough=False)
    typical = Facts(True, (healthy,), (Stay("travel", 210202, today - timedelta(days=2)),))
    heavy = Facts(
        True,
        (healthy, *(Declared(now - n * hour, fever=True, dry_cough=True) for n in range(2, 7))),
        tuple(Stay("contact", 990000, today - timedelta(days=n)) for n in range(14)),
        tuple(
            AreaMatch("high", 110105, today - timedelta(days=20), None, today - timedelta(days=n)) for n in range(14)
        ),
        tuple(Risk("confirmed", now - n * hour, None, "office", "024-12320") for n in range(1, 6)),
        Reading(39.0, now - hour),
        stale=True,
    )
    return [
        {"name": "assess", "facts": name, "microseconds": round(_microseconds(facts, now, calls), 2)}
        for name, facts, calls in (("typical", typical, CALLS), ("heavy", heavy, CALLS // 20))
    ]


def _microseconds(facts: Facts, now: datetime, calls: int) -> float:
    """The best of some rounds: what else runs only makes it slower."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(calls):
            assess(facts, DEFAULT_RULES, now)
        rounds.append(time.perf_counter() - started)
    return min(rounds) / calls * 1e6


if __name__ == "__main__":
    with ExitStack() as stack:
        stack.callback(drop_database)
        stack.callback(connection.close)
        for line in lines():
            print(json.dumps(line))
