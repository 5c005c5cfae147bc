"""Tasks of the whole; `manage.py work` runs them."""

import logging
from dataclasses import astuple
from datetime import datetime, timedelta

from accounts import looks, sealing
from accounts.models import Task
from accounts.purge import purge
from accounts.tasks import Outcome, task
from healthpass import retention

log = logging.getLogger(__name__)


@task("purge", lease=timedelta(minutes=5), every=timedelta(hours=1))
def purge_hourly(task: Task, at: datetime) -> Outcome | None:
    """Delete rows that nobody needs any more."""
    return Outcome.AGAIN if purge(at) else None


@task("seal-audit", lease=timedelta(minutes=1), every=timedelta(minutes=1))
def seal_audit(task: Task, at: datetime) -> Outcome | None:
    """Chain the audit's new rows."""
    segment = sealing.seal(at)
    return Outcome.AGAIN if segment and segment.count == sealing.BATCH else None


@task("unsealed-audit", every=timedelta(minutes=10))
def announce_unsealed_rows(task: Task, at: datetime) -> None:
    """Tell operators for as long as the sealing fails: until then rows could go without a trace."""
    waits = sealing.backlog()
    if waits.is_late(at):
        log.error("%d audit rows have no seal, the oldest of %s: the sealing stands still.", *astuple(waits))


@task("retention", lease=timedelta(minutes=5), every=timedelta(days=1))
def retain_daily(task: Task, at: datetime) -> Outcome | None:
    """Carry retention.toml out."""
    return Outcome.AGAIN if retention.run(at) else None


@task("look-alerts", every=timedelta(minutes=10))
def alert_looks(task: Task, at: datetime) -> None:
    """Tell of accounts that looked at unusually many people in the last full hour."""
    looks.alert(at)
