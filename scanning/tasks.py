"""Tasks of the scan log; `manage.py work` runs them."""

from datetime import datetime, timedelta

from accounts.models import Task
from accounts.tasks import task
from scanning import partitions


@task("partitions", lease=timedelta(minutes=5), every=timedelta(days=1))
def keep_partitions(task: Task, at: datetime) -> None:
    """Keep the scan table's daily partitions ahead of time."""
    partitions.ensure(at)
