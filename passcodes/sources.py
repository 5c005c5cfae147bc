"""Where risk data may come from: two offices say what a source is, one officer ends it unless green ends with it."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.crypto import get_random_string

from accounts import audit, officers
from accounts.models import Account, Office
from accounts.officers import NotYours
from passcodes import second_office
from passcodes.approval_models import Approval, Deed
from passcodes.models import RiskSource
from passcodes.risk_models import NATIONAL

FIELDS = ("name", "deciding_office_id", "fresh_hours", "pull_url")  # of which every change takes two offices

HALF = 22  # characters of 62: each half alone is as long as a key has to be
PROPOSED_AS = "office"  # beside them in an approval's changes: what the office was called when it was proposed
KEY_BEGUN = ("key_begun", "key_begun_by", "key_begun_office")


class NotInUse(Exception):
    """Two offices have not agreed to the source, or it was ended."""


class NotBegun(Exception):
    """There is no first half of a new key."""


def values_of(source: RiskSource) -> dict[str, str | int | None]:
    """What two offices have agreed on; of a new source nothing but its name."""
    return {field: getattr(source, field) for field in FIELDS}


def fields_of(changes: dict) -> list[str]:
    """Which fields are to change."""
    return sorted(set(changes) & set(FIELDS))


def noted(source: RiskSource, changes: dict) -> dict:
    """What is kept with the proposal: the changes, and the name of the office that the lists are to be of."""
    office = _office_after(source, changes)
    return {**changes, PROPOSED_AS: office.name} if office else changes


def is_renamed(approval: Approval) -> bool:
    """Whether the office has another name than when it was proposed: nobody has proposed to show that one."""
    office = _office_after(approval.risk_source, approval.changes)
    return office is not None and office.name != approval.changes.get(PROPOSED_AS, office.name)


def _office_after(source: RiskSource, changes: dict) -> Office | None:
    return Office.objects.filter(pk=changes.get("deciding_office_id", source.deciding_office_id)).first()


@transaction.atomic
def agree(*, risk_source: RiskSource, by: Account, at: datetime) -> None:
    """What this officer has just agreed to holds: the source becomes what was proposed, and lists are taken from it.

    A limit counts from the last data. Where none have come it begins with the first, so that a new source makes nobody
    neutral. Raises second_office.NeedsSecond without that agreement (see `approvals`), and where the office was renamed
    since.
    """
    source = RiskSource.objects.select_for_update(no_key=True).get(pk=risk_source.pk)
    approval = _agreed(source, Deed.RELEASE, by, at)
    if approval is None or is_renamed(approval):
        raise second_office.NeedsSecond
    for field in FIELDS:
        setattr(source, field, approval.changes.get(field, getattr(source, field)))
    if source.deciding_office_id:
        office = Office.objects.get(pk=source.deciding_office_id)
        source.office, source.office_phone = approval.changes.get(PROPOSED_AS, office.name), office.phone
    source.stale_from = source.stale_after(source.last_fresh_at)
    source.agreed_at = at
    source.save(update_fields=[*FIELDS, "office", "office_phone", "stale_from", "agreed_at"])
    _record("change", source, by, at, fields=fields_of(approval.changes), approval=approval.pk)


@transaction.atomic
def begin_key(*, risk_source: RiskSource, by: Account, at: datetime) -> str:
    """The first half of a new key, for this officer to give to the source; the one that is in use stays until then.

    Nobody at the authority knows a whole key: whoever did could send lists in the source's name alone. Raises NotInUse,
    NotAnOfficer.
    """
    office = officers.office_deciding(by)
    source = _in_use(risk_source)
    half = get_random_string(HALF)
    source.key_begun, source.key_begun_by, source.key_begun_office = half, by, office
    source.save(update_fields=KEY_BEGUN)
    _record("begin-key-of", source, by, at)
    return half


@transaction.atomic
def finish_key(*, risk_source: RiskSource, by: Account, at: datetime) -> str:
    """The second half, made by an officer of another office; both together are the source's key from now on.

    Raises NotInUse, NotBegun, NotAnOfficer, NotYours.
    """
    office = officers.office_deciding(by)
    source = _in_use(risk_source)
    if source.key_begun is None:
        raise NotBegun
    if not _is_of_another(source, by, office):
        raise NotYours
    half = get_random_string(HALF)
    source.key = source.key_begun + half
    source.key_begun = source.key_begun_by = source.key_begun_office = None
    source.save(update_fields=["key", *KEY_BEGUN])
    _record("finish-key-of", source, by, at)
    return half


def may_finish_key(source: RiskSource, account: Account) -> bool:
    """Whether `finish_key` would take it from this account now."""
    office = officers.office_of(account)
    return source.key_begun is not None and office is not None and _is_of_another(source, account, office)


def _is_of_another(source: RiskSource, account: Account, office: Office) -> bool:
    """Whether somebody of another office has begun the key."""
    return source.key_begun_by_id != account.pk and source.key_begun_office_id != office.pk


def check_in_use(source: RiskSource) -> None:
    """Raise NotInUse for what cannot be ended."""
    if source.agreed_at is None:
        raise NotInUse


def _agreed(source: RiskSource, does: str, by: Account, at: datetime) -> Approval | None:
    """What this officer has just agreed to, of this kind."""
    return source.approvals.filter(does=does, approved_by=by, approved_at=at).order_by("-pk").first()


def _in_use(source: RiskSource) -> RiskSource:
    locked = RiskSource.objects.select_for_update(no_key=True).get(pk=source.pk)
    check_in_use(locked)
    return locked


def end_takes_two(source: RiskSource) -> bool:
    """Whether nobody could be green after its end: the platform is not asked any more, or a limit runs out."""
    return source.slug == NATIONAL or source.fresh_hours is not None


def is_national_ended() -> bool:
    """Whether the national platform is to be asked and is not, so that whoever declares anew stays neutral."""
    return bool(settings.NATIONAL_URL) and RiskSource.objects.filter(slug=NATIONAL, agreed_at=None).exists()


@transaction.atomic
def end(*, risk_source: RiskSource, by: Account, at: datetime) -> None:
    """No list is taken from it any more, and its key ends. What came counts on, and so does the freshness limit:

    who would end that has to ask another office, as it makes people green. Raises second_office.NeedsSecond where
    nobody could be green after the end (`end_takes_two`), unless `by` has just agreed.
    """
    source = RiskSource.objects.select_for_update(no_key=True).get(pk=risk_source.pk)
    if end_takes_two(source) and not _agreed(source, Deed.WITHDRAW, by, at):
        raise second_office.NeedsSecond
    source.key = source.agreed_at = None
    source.key_begun = source.key_begun_by = source.key_begun_office = None
    source.save(update_fields=["key", "agreed_at", *KEY_BEGUN])
    _record("end", source, by, at)


def _record(verb: str, source: RiskSource, by: Account, at: datetime, **detail) -> None:
    audit.record(by=by, action=f"{verb}-risksource", subject=f"risksource:{source.pk}", at=at, **detail)
