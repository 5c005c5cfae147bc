"""Which offices put a batch of risk data in force, and on what law: for whoever it coloured."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.functional import Promise

from passcodes.legal import LegalBasis
from passcodes.models import Approval, RiskArea, RiskBatch, RiskRecord


@dataclass(frozen=True)
class Agreement:
    """The offices, the first one first: two where a second one had to agree. `basis`: as they named it; "" = none."""

    offices: tuple[str, ...] = ()
    basis: str = ""

    @property
    def law(self) -> str | Promise:
        """The basis in words."""
        return LegalBasis(self.basis).label if self.basis else ""


NONE = Agreement()


def of_batches(ids: Iterable[int]) -> dict[int, Agreement]:
    """By the batch's id. Of a renewal: those of what it renews, and then its own. Two statements, and one a renewal."""
    open_ids, found = set(ids), {}
    asked = set(open_ids)
    while open_ids:
        rows = RiskBatch.objects.filter(pk__in=open_ids).values_list("pk", "renews", "released_office__name")
        found |= {pk: (renews, office) for pk, renews, office in rows}
        open_ids = {renews for renews, _office in found.values() if renews} - set(found)
    agreed = Approval.objects.filter(batch__in=found, approved_at__isnull=False)
    columns = agreed.values_list("batch", "basis", "proposer_office__name", "approver_office__name")
    signed = {batch: (basis, offices) for batch, basis, *offices in columns}
    return {pk: _agreement(list(_chain(pk, found)), found, signed) for pk in asked & set(found)}


def of_facts(facts: Iterable[str]) -> dict[str, Agreement]:
    """By what an appeal can name (colour.Reason.fact): a risk record or area; others, and those deleted, are left out.

    Four statements at the most, and one a renewal.
    """
    keys = {fact: fact.split(":") for fact in facts}
    batches: dict[str, int] = {}
    for kind, model in (("risk", RiskRecord), ("area", RiskArea)):
        ids = {fact: int(key[1]) for fact, key in keys.items() if key[0] == kind}
        if ids:
            of_row = dict(model.objects.filter(pk__in=set(ids.values())).values_list("pk", "batch"))
            batches |= {fact: of_row[pk] for fact, pk in ids.items() if pk in of_row}
    found = of_batches(batches.values()) if batches else {}
    return {fact: found[batch] for fact, batch in batches.items()}


def _chain(pk: int | None, found: dict[int, tuple]) -> Iterator[int]:
    """The batch, what it renews, and so on."""
    while pk:
        yield pk
        pk = found[pk][0]


def _agreement(chain: list[int], found: dict[int, tuple], signed: dict[int, tuple]) -> Agreement:
    offices, basis = [], ""
    for pk in reversed(chain):
        basis, agreed = signed.get(pk, (basis, []))
        offices += [*agreed, found[pk][1]]
    return Agreement(tuple(dict.fromkeys(name for name in offices if name)), basis)
