"""Tasks of the whole; `manage.py work` runs them."""

from datetime import datetime, timedelta

from accounts import sealing
from accounts.models import Task
from accounts.purge import purge
from accounts.tasks import Outcome, task


@task("purge", lease=timedelta(minutes=5), every=timedelta(hours=1))
def purge_hourly(task: Task, at: datetime) -> Outcome | None:
    """Delete rows that nobody needs any more."""
    return Outcome.AGAIN if purge(at) else None


@task("seal-audit", lease=timedelta(minutes=1), every=timedelta(minutes=1))
def seal_audit(task: Task, at: datetime) -> Outcome | None:
    """Chain the audit's new rows."""
    segment = sealing.seal(at)
    return Outcome.AGAIN if segment and segment.count == sealing.BATCH else None
