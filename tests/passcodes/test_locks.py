"""Officers who decide at the same time wait for each other in one order, so that no two wait in vain."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import officers
from passcodes import approvals, sources
from passcodes.models import Approval, RiskBatch, RiskSource
from tests import factories
from tests.passcodes.threads import at_once

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ours():
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs():
    return factories.account(phone="+8613700000002", office=factories.office())


def begun(call) -> threading.Thread:
    """A call in a thread of its own, begun until it waits for us."""
    thread = threading.Thread(target=at_once, args=[call])
    thread.start()
    end = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(WAITING)
            if cursor.fetchone()[0]:
                return thread
            time.sleep(0.02)
    pytest.fail("nothing waits")


def free(rows) -> list:
    """Locked at once; an OperationalError where somebody has them who waits for us."""
    return list(rows.select_for_update(nowait=True))


@pytest.mark.parametrize("make", [sources.begin_key, sources.finish_key])
def test_who_makes_a_key_waits_for_the_role_before_taking_the_source(ours, theirs, make):
    source = factories.risk_source()
    sources.begin_key(risk_source=source, by=theirs, at=timezone.now())
    with transaction.atomic():
        officers.office_deciding(ours)
        thread = begun(lambda: make(risk_source=source, by=ours, at=timezone.now()))
        assert free(RiskSource.objects.filter(pk=source.pk)) == [source]
    thread.join()
    source.refresh_from_db()
    assert source.key_begun_by in (ours, None)


@pytest.mark.parametrize("act", [approvals.approve, approvals.refuse])
def test_who_decides_waits_for_the_batch_before_taking_the_approval(ours, theirs, act):
    batch = factories.risk_batch(state="draft")
    approval = approvals.propose(batch=batch, basis="cases", by=ours, at=timezone.now())
    with transaction.atomic():
        RiskBatch.objects.select_for_update().get(pk=batch.pk)
        thread = begun(lambda: act(batch=batch, by=theirs, at=timezone.now()))
        assert free(Approval.objects.filter(pk=approval.pk)) == [approval]
    thread.join()
    assert Approval.objects.waiting().count() == 0


def test_who_changes_a_source_waits_for_the_role_before_taking_it(ours):
    source = factories.risk_source()
    site = factories.staff_client(account=ours)
    given = {"name": "x", "deciding_office": source.deciding_office_id, "basis": "cases", "reason": "because"}
    page = f"/admin/passcodes/risksource/{source.pk}/change/"
    with transaction.atomic():
        officers.office_deciding(ours)
        thread = begun(lambda: site.post(page, given))
        assert free(RiskSource.objects.filter(pk=source.pk)) == [source]
    thread.join()
    assert Approval.objects.get().changes["name"] == "x"
