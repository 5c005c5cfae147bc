"""Who may answer an appeal: nobody whom it concerns, and no office that coloured or has refused before.

Asked of one officer when they answer, and of all at once to find the appeals that nobody may answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from accounts import office_names, officers
from accounts.models import Account, DeskClerk, Office, Officer
from declarations.models import Declaration, Person, Proxy
from passcodes import appeal_reach
from passcodes.appeal_models import Appeal
from passcodes.approval_models import Approval
from passcodes.colour import day_of
from passcodes.risk_models import RiskArea, RiskBatch, RiskRecord

AT_ONCE = 300  # appeals


class OwnAppeal(Exception):
    """The officer would decide for themselves, or for somebody they act for."""


class NotTheirs(Exception):
    """The officer's office coloured, or has refused before, or they have no office."""


@dataclass
class Barred:
    """Who does not answer an appeal: accounts that it concerns (`own`) or that had a hand in the colour, offices.

    `names` are what lists call their offices, which need not be one that has officers.
    """

    own: set[int] = field(default_factory=set)
    hands: set[int] = field(default_factory=set)
    offices: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def bars(self, account: int, office: int, name: str) -> bool:
        """Whether this account does not answer for this office."""
        return account in self.own | self.hands or office in self.offices or office_names.key(name) in self.names


def check_officer(officer: Account, appeal: Appeal) -> None:
    """Raise OwnAppeal or NotTheirs unless the officer is an impartial judge of it."""
    check(officer, officers.office_of(officer), appeal)


def check(officer: Account, office: Office | None, appeal: Appeal) -> None:
    """The same of an officer who decides for this office; None = for none."""
    barred = _barred([appeal], [officer.pk])[appeal.pk]
    if officer.pk in barred.own:
        raise OwnAppeal
    if office is None or barred.bars(officer.pk, office.pk, office.name):
        raise NotTheirs


def without_judge(appeals: Iterable[Appeal]) -> set[int]:
    """The ids of those that no officer may answer. About ten statements for 300 appeals, and one a renewal."""
    judges = list(Officer.objects.current().values_list("account", "office", "office__name"))
    accounts, rows, found = [account for account, _office, _name in judges], list(appeals), set()
    for first in range(0, len(rows), AT_ONCE):
        for pk, barred in _barred(rows[first : first + AT_ONCE], accounts).items():
            if all(barred.bars(*judge) for judge in judges):
                found.add(pk)
    return found


def _barred(rows: list[Appeal], accounts: list[int]) -> dict[int, Barred]:
    """By the appeal's id. `accounts`: of those the ones that it concerns."""
    people = Person.objects.filter(pk__in={appeal.person_id for appeal in rows})
    holders = {pk: (document, holder) for pk, document, holder in people.values_list("pk", "document_hash", "holder")}
    hashes = {pk: document for pk, (document, _holder) in holders.items()}
    acting = _acting(set(hashes.values()), accounts)
    areas = _areas_named(rows)
    named = _batches_named(rows, hashes, areas)
    batches = _with_renewed({pk for ids in named.values() for pk in ids})
    signed = _signed(batches)
    desks = _desks(rows)
    first = {pk: answered for pk, *answered in _first_answers(rows)}
    found = {}
    for appeal in rows:
        document, holder = holders[appeal.person_id]
        barred = found[appeal.pk] = Barred(own={appeal.account_id, holder} | acting[document])
        barred.names |= {office_names.key(name) for name in (appeal.office, *areas.get(_area_of(appeal), {}).values())}
        for batch in _chains(named[appeal.pk], batches):
            barred.hands |= {batch.created_by, batch.released_by}
            barred.offices |= {batch.released_office, batch.source__deciding_office} | signed[batch.pk]
            barred.names.add(office_names.key(batch.source__office))
        barred.offices |= desks.get(appeal.pk, set())
        if appeal.pk in first:
            office, officer = first[appeal.pk]
            barred.offices.add(office)
            barred.hands.add(officer)
        barred.names.discard("")
    return found


def _acting(hashes: set[str], accounts: list[int]) -> dict[str, set[int]]:
    """By the hash of a document the accounts that it is of, or that act or have asked to act for its person."""
    found = defaultdict(set)
    held = Person.objects.filter(holder__in=accounts, document_hash__in=hashes)
    proxies = Proxy.objects.current().filter(account__in=accounts, person__document_hash__in=hashes)
    for document, account in held.values_list("document_hash", "holder"):
        found[document].add(account)
    for document, account in proxies.values_list("person__document_hash", "account"):
        found[document].add(account)
    return found


def _batches_named(rows: list[Appeal], hashes: dict[int, str], areas: dict[tuple, dict[int, str]]) -> dict:
    """By the appeal's id the batches that brought what it disputes, or a copy of it. None if declared."""
    found = {appeal.pk: set() for appeal in rows}
    records = defaultdict(list)
    wanted = {hashes[appeal.person_id] for appeal in rows if appeal.record_id}
    listed = RiskRecord.objects.filter(document_hash__in=wanted).values_list(*appeal_reach.COLUMNS)
    for document, batch, *values in listed.iterator():
        records[document].append((batch, appeal_reach.reason_of(*values)))
    for appeal in rows:
        if appeal.record_id:
            said = appeal_reach.exemption(appeal)
            found[appeal.pk] = {batch for batch, record in records[hashes[appeal.person_id]] if said.covers(record)}
        else:
            found[appeal.pk] = set(areas.get(_area_of(appeal), ()))
    return found


def _area_of(appeal: Appeal) -> tuple | None:
    """What the area that an appeal disputes has in common with its copies in other lists; None if it is no area."""
    reason = appeal_reach.disputed(appeal)
    kind, _dash, level = reason.code.partition("-")
    return (reason.division, reason.place, level, day_of(reason.since)) if kind == "area" else None


def _areas_named(rows: list[Appeal]) -> dict[tuple, dict[int, str]]:
    """By `_area_of` the batches that brought the area, with the office that each names."""
    wanted, found = {_area_of(appeal) for appeal in rows} - {None}, defaultdict(dict)
    divisions = {division for division, *_rest in wanted}
    areas = RiskArea.objects.filter(division__in=divisions, starts_on__in={day for *_rest, day in wanted})
    for *place, batch, office in areas.values_list("division", "place", "level", "starts_on", "batch", "office"):
        if tuple(place) in wanted:
            found[tuple(place)][batch] = office
    return found


BATCH = ("pk", "renews", "created_by", "released_by", "released_office", "source__deciding_office", "source__office")


def _with_renewed(ids: set[int]) -> dict[int, tuple]:
    """The batches and those that they renew, by id."""
    found = {}
    while ids:
        rows = RiskBatch.objects.filter(pk__in=ids).values_list(*BATCH, named=True)
        found |= {row.pk: row for row in rows}
        ids = {row.renews for row in found.values() if row.renews} - set(found)
    return found


def _chains(ids: set[int], batches: dict[int, tuple]) -> Iterator[tuple]:
    """The batches and what they renew, each once."""
    seen = set()
    for pk in ids:
        while pk and pk not in seen:
            seen.add(pk)
            yield batches[pk]
            pk = batches[pk].renews


def _signed(batches: dict[int, tuple]) -> dict[int, set[int]]:
    """By batch the offices that agreed to it, and those that who made or released it work for now."""
    found = {pk: set() for pk in batches}
    agreed = Approval.objects.filter(batch__in=batches, approved_at__isnull=False)
    for pk, *offices in agreed.values_list("batch", "proposer_office", "approver_office"):
        found[pk].update(offices)
    hands = {pk for batch in batches.values() for pk in (batch.created_by, batch.released_by) if pk}
    work_for = dict(Officer.objects.approved().filter(account__in=hands).values_list("account", "office"))
    for pk, batch in batches.items():
        found[pk] |= {work_for[hand] for hand in (batch.created_by, batch.released_by) if hand in work_for}
    return found


def _desks(rows: list[Appeal]) -> dict[int, set[int]]:
    """By the appeal's id the offices at whose desks works, or worked, who declared the symptoms that it disputes."""
    ids = {appeal.pk: int(appeal.fact.partition(":")[2]) for appeal in rows if appeal.fact.startswith("symptoms:")}
    if not ids:
        return {}
    by = dict(Declaration.objects.filter(pk__in=ids.values()).values_list("pk", "account"))
    offices = defaultdict(set)
    for account, office in DeskClerk.objects.filter(account__in=by.values()).values_list("account", "office"):
        offices[account].add(office)
    return {appeal: offices[by[pk]] for appeal, pk in ids.items() if pk in by}


def _first_answers(rows: list[Appeal]) -> Iterable[tuple[int, int, int]]:
    """Of second appeals who answered the first: the appeal, the office and the officer."""
    firsts = Appeal.objects.filter(escalation__in=[appeal.pk for appeal in rows if appeal.escalation_of_id])
    return firsts.values_list("escalation", "decided_office", "decided_by")
