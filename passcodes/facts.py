"""One SQL text gathers the facts that decide a colour; renewal, code page and scan all use it.

Everything else is ORM: here a clever ORM query costs 4-5 ms to compile each time, eight plain ones as much. The text
serves PostgreSQL and SQLite, which name their JSON functions differently. `colour.assess` judges the dates.
"""

import functools
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, models

from declarations.models import Assurance, Person
from passcodes.colour import Colour, Reason, day_of
from passcodes.evidence import AreaMatch, Declared, Exemption, Facts, Reading, Risk, Stay

SYMPTOMS_KEPT = timedelta(days=7)  # no rule may have more hours: `rules.MOST_HOURS`
PLACES_ASKED = timedelta(days=30)  # after their last day; no rule may have more days: `rules.MOST_DAYS`

# An answer that somebody was at the place of `said` is a stay from the first day of `said` to `w.last_on`, or without
# one until now, in every row `a` of that place.
WAS_THERE = """
  w.was_there AND a.division = said.division AND a.place = said.place
      AND (w.last_on IS NULL OR a.starts_on <= w.last_on) AND (a.ends_on IS NULL OR a.ends_on >= said.starts_on)
"""

# Which batches count, and whether nobody can be known to be without risk: in the statements below.
VISIBLE = "b.state = 'visible'"
STALE = "EXISTS (SELECT 1 FROM passcodes_risksource WHERE stale_from <= %(at)s)"

SENT_BY = "CASE WHEN b.way = 'manual' THEN NULL ELSE b.source_id END"

# `p` is the person. Lists come as JSON arrays of arrays. Areas that are a named place are not met by division: only
# by an answer.
COLUMNS = f"""
  p.id AS person_id,
  p.assurance,
  (SELECT colour FROM passcodes_colourchange
    WHERE person_id = p.id ORDER BY at DESC, id DESC LIMIT 1) AS shown,
  (SELECT json_agg(json_build_array(d.made_at, d.fever, d.dry_cough,
      CASE WHEN d.account_id <> p.holder_id THEN d.id END)) FROM declarations_declaration d
    WHERE d.person_id = p.id
      AND (d.id = latest.id OR d.made_at > %(symptoms_since)s AND (d.fever OR d.dry_cough))) AS declarations,
  (SELECT json_agg(json_build_array(s.kind, s.division, s.to_on, s.from_on)) FROM declarations_stay s
    WHERE s.declaration_id = latest.id) AS stays,
  (SELECT json_agg(json_build_array(a.level, a.division, a.starts_on, a.ends_on, s.to_on, a.id, '', {SENT_BY},
      s.division, s.from_on, NULL, a.office, a.office_phone))
     FROM declarations_stay s
     JOIN passcodes_riskarea a ON a.division IN (s.division, s.division / 100 * 100, s.division / 10000 * 10000)
     JOIN passcodes_riskbatch b ON b.id = a.batch_id AND {VISIBLE}
    WHERE s.declaration_id = latest.id AND a.place = ''
      AND a.starts_on <= s.to_on AND (a.ends_on IS NULL OR a.ends_on >= s.from_on)) AS stay_areas,
  (SELECT json_agg(json_build_array(a.level, a.division, a.starts_on, a.ends_on, NULL, a.id, '', {SENT_BY},
      latest.division, NULL, (SELECT max(away.made_at) FROM declarations_declaration away
        WHERE away.person_id = p.id AND away.division <> latest.division AND away.made_at >= a.starts_on),
      a.office, a.office_phone))
     FROM passcodes_riskarea a
     JOIN passcodes_riskbatch b ON b.id = a.batch_id AND {VISIBLE}
    WHERE a.place = '' AND a.division IN
      (latest.division, latest.division / 100 * 100, latest.division / 10000 * 10000)) AS home_areas,
  (SELECT json_agg(json_build_array(a.level, a.division, a.starts_on, a.ends_on, w.last_on, a.id, a.place, {SENT_BY},
      NULL, NULL, NULL, a.office, a.office_phone))
     FROM passcodes_placeanswer w
     JOIN passcodes_riskarea said ON said.id = w.area_id
     JOIN passcodes_riskarea a ON {WAS_THERE}
     JOIN passcodes_riskbatch b ON b.id = a.batch_id AND {VISIBLE}
    WHERE w.person_id = p.id) AS place_areas,
  (SELECT json_agg(json_build_array(r.category, r.starts_at, r.ends_at, r.office, r.office_phone, r.id, r.begun_at,
      {SENT_BY}))
     FROM passcodes_riskrecord r
     JOIN passcodes_riskbatch b ON b.id = r.batch_id AND {VISIBLE}
    WHERE r.document_hash = p.document_hash AND (r.ends_at IS NULL OR r.ends_at > %(at)s)) AS risks,
  (SELECT json_build_array(temperature, taken_at) FROM passcodes_gatereading
    WHERE person_id = p.id ORDER BY taken_at DESC LIMIT 1) AS gate,
  {STALE} AS stale,
  (SELECT number FROM passcodes_ruleset WHERE state = 'released' AND valid_from <= %(at)s
    ORDER BY valid_from DESC, number DESC LIMIT 1) AS rules,
  (SELECT json_agg(json_build_array(e.fact, e.state, e.decided_at, e.due_at, e.disputed, e.claim))
     FROM passcodes_appeal e
    WHERE e.person_id = p.id AND e.state IN ('granted', 'waiting')) AS exceptions,
  TRUE AS asked
"""

# What `asked` is where there is a national platform: of the latest declaration, so that each is neutral at first.
ASKED = """
  (latest.id IS NULL OR EXISTS
    (SELECT 1 FROM passcodes_nationalquery n WHERE n.declaration_id = latest.id AND n.answered_at IS NOT NULL)) AS asked
"""

LATEST_DECLARATION = """
  LEFT JOIN declarations_declaration latest ON latest.id =
    (SELECT id FROM declarations_declaration WHERE person_id = p.id ORDER BY made_at DESC LIMIT 1)
"""

# Named places in force now or lately, of which no answer says anything. Who said that they were not there is asked
# about the same days once.
UNANSWERED = f"""
     JOIN passcodes_riskbatch b ON b.id = a.batch_id AND {VISIBLE}
    WHERE a.place > '' AND a.starts_on <= %(today)s AND (a.ends_on IS NULL OR a.ends_on >= %(places_since)s)
      AND NOT EXISTS
        (SELECT 1 FROM passcodes_placeanswer w JOIN passcodes_riskarea said ON said.id = w.area_id
          WHERE w.person_id = p.id AND ({WAS_THERE}
             OR NOT w.was_there AND a.division = said.division AND a.place = said.place
            AND a.starts_on = said.starts_on AND (said.ends_on IS NULL OR a.ends_on <= said.ends_on)))
"""

# Those in the division of the latest declaration's address or of a stay: whom to ask. It starts from the index of
# named places, which is mostly empty.
ASKED_PLACES = f"""
  (SELECT json_agg(near.id) FROM
    (SELECT a.id FROM passcodes_riskarea a {UNANSWERED}
        AND a.division IN (latest.division, latest.division / 100 * 100, latest.division / 10000 * 10000)
      UNION
     SELECT a.id FROM declarations_stay s
       JOIN passcodes_riskarea a ON a.division IN (s.division, s.division / 100 * 100, s.division / 10000 * 10000)
       {UNANSWERED}
        AND s.declaration_id = latest.id
        AND a.starts_on <= s.to_on AND (a.ends_on IS NULL OR a.ends_on >= s.from_on)) near) AS asked_places
"""

# What the code page shows beside the facts: of the person, what they are to be asked, and for whom the account acts.
PAGE = f"""
  p.name, p.document_number, p.needs_desk, latest.made_at AS declared_at, p.holder_id = {{account}} AS is_own,
  p.holder_id IS NULL OR p.holder_id = {{account}} AS speaks,
  {ASKED_PLACES},
  (SELECT json_agg(json_build_array(x.id, x.relation, x.person_id, encode(q.name, 'hex'))) FROM declarations_proxy x
     JOIN declarations_person q ON q.id = x.person_id
    WHERE x.account_id = {{account}} AND x.confirmed_at IS NOT NULL AND x.ended_at IS NULL) AS relatives
"""

# Who may show the code of `p`: its holder, and whoever acts for it now.
MAY_SHOW = """
  (p.holder_id = {account} OR EXISTS
    (SELECT 1 FROM declarations_proxy x WHERE x.person_id = p.id AND x.account_id = {account}
        AND x.confirmed_at IS NOT NULL AND x.ended_at IS NULL))
"""

# Who looks, and the colour that they were last shown.
VIEWER = """
  {account} AS viewer,
  (SELECT colour FROM passcodes_shown WHERE person_id = p.id AND account_id = {account}) AS seen
"""

# The device key is looked up in the same statement: a deleted key, a locked account, another holder or the end of a
# proxy ends it at once.
HOLDER_BY_KEY = f"""
  FROM accounts_devicekey k
  JOIN accounts_account account ON account.id = k.account_id AND account.is_active
  JOIN passcodes_passcode c ON c.public_id = k.subject
  JOIN declarations_person p ON p.id = c.person_id AND {MAY_SHOW.format(account="k.account_id")}
  {LATEST_DECLARATION}
 WHERE k.hash = %(key)s AND k.subject = %(pass_id)s AND k.expires_at > %(at)s
"""
VIEWER_BY_KEY = VIEWER.format(account="k.account_id")
RENEWAL = f"SELECT {VIEWER_BY_KEY}, {COLUMNS} {HOLDER_BY_KEY}"
PAGE_BY_KEY = f"SELECT {PAGE.format(account='k.account_id')}, {VIEWER_BY_KEY}, {COLUMNS} {HOLDER_BY_KEY}"
PAGE_BY_ACCOUNT = f"""
SELECT {PAGE.format(account="%(account)s")}, {VIEWER.format(account="%(account)s")}, {COLUMNS}
  FROM passcodes_passcode c
  JOIN declarations_person p ON p.id = c.person_id AND {MAY_SHOW.format(account="%(account)s")}
  {LATEST_DECLARATION}
 WHERE c.public_id = %(pass_id)s
"""


def for_renewal(*, key_hash: str, pass_id: str, at: datetime) -> dict | None:
    """The facts' row of a pass; None unless the device key is good for it."""
    return fetch_one(RENEWAL, {"key": key_hash, "pass_id": pass_id, "at": at})


def for_page(*, key_hash: str, pass_id: str, at: datetime) -> dict | None:
    """The same, with what the code page shows of the person."""
    return fetch_one(PAGE_BY_KEY, {"key": key_hash, "pass_id": pass_id, "at": at})


def for_page_of(*, account_id: int, pass_id: str, at: datetime) -> dict | None:
    """The same for a browser that has no key yet; None unless the account may show the pass."""
    return fetch_one(PAGE_BY_ACCOUNT, {"account": account_id, "pass_id": pass_id, "at": at})


BY_PERSON = f"SELECT {COLUMNS} FROM declarations_person p {LATEST_DECLARATION} WHERE p.id = %(person)s"


def for_person(*, person_id: int, at: datetime) -> dict | None:
    """The facts' row of a person, for a desk that has seen their document; None if there is no such person."""
    return fetch_one(BY_PERSON, {"person": person_id, "at": at})


BY_PEOPLE = f"SELECT {COLUMNS} FROM declarations_person p {LATEST_DECLARATION} WHERE p.id IN ({{people}})"


def for_people(
    *, person_ids: Iterable[int], at: datetime, counting: str = VISIBLE, stale: str = STALE
) -> dict[int, dict]:
    """The facts' rows of some hundred people in one statement, by person id.

    `counting` and `stale` say otherwise in SQL which batches count and whether data are stale, for `dry_run`.
    """
    sql = for_database(BY_PEOPLE, connection.vendor, bool(settings.NATIONAL_URL))
    assert VISIBLE in sql and STALE in sql, "A dry run would be of the present."
    sql = sql.replace(VISIBLE, f"({counting})").replace(STALE, stale)
    with connection.cursor() as cursor:
        cursor.execute(sql.format(people=", ".join(str(int(pk)) for pk in person_ids)), _parameters({"at": at}))
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row["person_id"]: row for row in rows}


# Statement -> its columns' names: a description costs psycopg an object a column, so it is asked for once.
_names: dict[str, list[str]] = {}


def fetch_one(sql: str, parameters: dict) -> dict | None:
    """The first row of a statement made with COLUMNS, by column name. `parameters` must hold `at`."""
    with connection.cursor() as cursor:
        text = for_database(sql, connection.vendor, bool(settings.NATIONAL_URL))
        cursor.execute(text, _parameters(parameters))
        row = cursor.fetchone()
        if sql not in _names:
            _names[sql] = [column[0] for column in cursor.description]
    return row and dict(zip(_names[sql], row, strict=True))


def with_dates(parameters: dict) -> dict:
    """The parameters with those that follow from `at`."""
    at = parameters["at"]
    days = {"today": day_of(at), "places_since": day_of(at) - PLACES_ASKED}
    return {**parameters, **days, "symptoms_since": at - SYMPTOMS_KEPT}


def _parameters(given: dict) -> dict:
    return as_database_values(with_dates(given))


@functools.cache
def for_database(sql: str, vendor: str, asks: bool) -> str:
    """The statement with the functions of the database in use; `asks`: there is a national platform."""
    if asks:
        sql = sql.replace("TRUE AS asked", ASKED)
    if vendor == "sqlite":
        sql = sql.replace("json_agg(", "json_group_array(").replace("json_build_array(", "json_array(")
        return sql.replace("encode(q.name, 'hex')", "hex(q.name)")
    return sql


def as_database_values(parameters: dict) -> dict:
    """Times, days and UUIDs as SQLite stores them; PostgreSQL takes them as they are."""
    if connection.vendor != "sqlite":
        return parameters
    return {name: _for_sqlite(value) for name, value in parameters.items()}


def _for_sqlite(value):
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return value.isoformat()
    return value.hex if isinstance(value, UUID) else value


def facts_of(row: dict) -> Facts:
    """What `colour.assess` takes, from a row with COLUMNS."""
    areas = (*_list(row["stay_areas"]), *_list(row["home_areas"]), *_list(row["place_areas"]))
    gate = _list(row["gate"])
    return Facts(
        real_name=row["assurance"] > Assurance.DECLARED,
        declarations=tuple(
            Declared(moment(at), bool(fever), bool(cough), of_another)
            for at, fever, cough, of_another in _list(row["declarations"])
        ),
        stays=tuple(
            Stay(kind, division, day(to_on), day(from_on)) for kind, division, to_on, from_on in _list(row["stays"])
        ),
        areas=tuple(
            AreaMatch(
                level,
                division,
                day(starts),
                day(ends),
                day(to_on),
                area,
                place,
                source,
                declared,
                day(since),
                moment(away),
                *office,
            )
            for level, division, starts, ends, to_on, area, place, source, declared, since, away, *office in areas
        ),
        risks=tuple(
            Risk(category, moment(starts), moment(ends), office, phone, record, moment(begun), source)
            for category, starts, ends, office, phone, record, begun, source in _list(row["risks"])
        ),
        gate=Reading(gate[0] if gate[0] is None else float(gate[0]), moment(gate[1])) if gate else None,
        stale=bool(row["stale"]),
        asked=bool(row["asked"]),
        exceptions=tuple(exemption_of(*values) for values in _list(row["exceptions"])),
    )


EXEMPTION = ("fact", "state", "decided_at", "due_at", "disputed", "claim")  # the columns, as `exemption_of` takes them


def exemption_of(
    fact: str,
    state: str,
    decided_at: str | datetime | None,
    due_at: str | datetime,
    disputed: str | dict,
    claim: str,
) -> Exemption:
    """What an appeal that waits or was granted does to the colour, from its columns as the database gives them."""
    reason, granted = disputed_reason(fact, disputed), state == "granted"
    finding = reason.finding if granted and claim == "not_me" else ()
    return Exemption(fact, granted, moment(decided_at if granted else due_at), reason.likeness, finding, reason.ends_at)


def disputed_reason(fact: str, disputed: str | dict) -> Reason:
    """The reason that an appeal is about, as it was kept, as far as its likeness goes."""
    kept = json.loads(disputed) if isinstance(disputed, str) else disputed
    return Reason(
        kept["code"],
        Colour.NEUTRAL,
        since=moment(kept["since"]),
        division=kept["division"],
        office=kept["office"],
        fact=fact,
        source=kept.get("source"),
        place=kept.get("place", ""),
        ends_at=moment(kept.get("ends_at")),
    )


def places_of(row: dict) -> list[int]:
    """From a row of the code page: the ids of the areas about whose named places the person is to be asked."""
    return _list(row["asked_places"])


def relatives_of(row: dict) -> list[tuple[int, str, int, str]]:
    """From a row of the code page: the ids of the account's acting proxies, with relation, person and name, as made."""
    return [
        (proxy, relation, person, decrypted(Person, "name", bytes.fromhex(name)))
        for proxy, relation, person, name in sorted(_list(row["relatives"]))
    ]


def _list(value: str | list | None) -> list:
    return json.loads(value) if isinstance(value, str) else value or []


def decrypted(model: type[models.Model], field: str, value: bytes) -> str:
    """The text of an encrypted column that came by SQL."""
    return model._meta.get_field(field).from_db_value(value, None, connection)


def moment(value: str | datetime | None) -> datetime | None:
    """An aware time from what the database gives in JSON or, SQLite, in a column: UTC unless it says otherwise."""
    if value is None:
        return None
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def day(value: str | None) -> date | None:
    """A date from JSON."""
    return date.fromisoformat(value) if value else None
