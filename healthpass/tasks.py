"""Tasks of the whole; `manage.py work` runs them."""

from datetime import datetime, timedelta

from accounts.models import Task
from accounts.purge import purge
from accounts.tasks import Outcome, task


@task("purge", lease=timedelta(minutes=5), every=timedelta(hours=1))
def purge_hourly(task: Task, at: datetime) -> Outcome | None:
    """Delete rows that nobody needs any more."""
    return Outcome.AGAIN if purge(at) else None
