"""The one statement that a check of a scan begins with."""

from datetime import datetime, timedelta
from uuid import UUID

from declarations.models import Assurance
from institutions.models import MembershipRole
from passcodes import facts
from scanning import ids
from scanning.outcome import OF_COLOUR

REPEAT_WITHIN = timedelta(minutes=10)
OUTCOMES_OF_COLOUR = ", ".join(f"'{outcome}'" for outcome in OF_COLOUR.values())

# Scanner (by device key), entrance with the membership that allows it, an earlier row of this id, holder and facts.
READ = f"""
SELECT k.account_id AS scanner, own.id AS scanner_person,
       e.institution_id AS institution, m.id AS membership,
       s.digest, s.scanner_id AS scanned_by, s.outcome, s.temperature, s.found_normal, s.repeat_of,
       scanned.name AS scanned_name,
       p.name,
       (SELECT r.id FROM scanning_scan r
         WHERE r.person_id = p.id AND r.entrance_id = e.id AND r.id >= %(repeat_since)s AND r.id < %(id)s
           AND r.outcome IN ({OUTCOMES_OF_COLOUR})
         ORDER BY r.id DESC LIMIT 1) AS earlier,
       {facts.COLUMNS}
  FROM accounts_devicekey k
  JOIN accounts_account account ON account.id = k.account_id AND account.is_active
  LEFT JOIN declarations_person own ON own.holder_id = k.account_id AND own.assurance > {Assurance.DECLARED.value}
  LEFT JOIN institutions_entrance e ON e.id = %(entrance)s AND e.is_active
  LEFT JOIN institutions_institution i ON i.id = e.institution_id AND i.is_active
  LEFT JOIN institutions_membership m ON m.institution_id = i.id AND m.account_id = k.account_id
       AND m.role = '{MembershipRole.SCANNER.value}' AND m.ended_at IS NULL AND m.person_id = own.id
  LEFT JOIN scanning_scan s ON s.id = %(id)s
  LEFT JOIN declarations_person scanned ON scanned.id = s.person_id
  LEFT JOIN passcodes_passcode c ON c.public_id = %(pass_id)s
  LEFT JOIN declarations_person p ON p.id = c.person_id
  {facts.LATEST_DECLARATION}
 WHERE k.hash = %(key)s AND k.subject = '' AND k.expires_at > %(at)s
"""

LOOK = f"""
SELECT p.name, {facts.COLUMNS}
  FROM passcodes_passcode c
  JOIN declarations_person p ON p.id = c.person_id
  {facts.LATEST_DECLARATION}
 WHERE c.public_id = %(pass_id)s
"""

OF_SCAN = f"""
SELECT s.id AS scan, s.outcome, s.scanner_id AS scanned_by, own.id AS scanner_person, {facts.COLUMNS}
  FROM accounts_devicekey k
  JOIN accounts_account account ON account.id = k.account_id AND account.is_active
  JOIN declarations_person own ON own.holder_id = k.account_id
  JOIN scanning_scan s ON s.id = %(id)s AND s.scanner_id = k.account_id
  JOIN institutions_membership m ON m.institution_id = s.institution_id AND m.account_id = k.account_id
       AND m.role = '{MembershipRole.SCANNER.value}' AND m.ended_at IS NULL AND m.person_id = own.id
  JOIN institutions_institution i ON i.id = s.institution_id AND i.is_active
  LEFT JOIN declarations_person p ON p.id = s.person_id
  {facts.LATEST_DECLARATION}
 WHERE k.hash = %(key)s AND k.subject = '' AND k.expires_at > %(at)s
"""


def read(*, key_hash: str, id: UUID, pass_id: str, entrance_id: int | None, at: datetime) -> dict | None:
    """The row for a check; None unless the device key is good for scanning. `person_id` None: no such pass."""
    return facts.fetch_one(
        READ,
        {
            "key": key_hash,
            "id": id,
            "pass_id": pass_id,
            "entrance": entrance_id,
            "repeat_since": ids.floor_id(ids.time_of(id) - REPEAT_WITHIN),
            "at": at,
        },
    )


def look(*, pass_id: str, at: datetime) -> dict | None:
    """The facts' row of a pass, with the holder's name; None if there is no such pass."""
    return facts.fetch_one(LOOK, {"pass_id": pass_id, "at": at})


def of_scan(*, key_hash: str, id: UUID, at: datetime) -> dict | None:
    """The row of a scan that this device key's account made and may still write to, with its person's facts."""
    return facts.fetch_one(OF_SCAN, {"key": key_hash, "id": id, "at": at})
