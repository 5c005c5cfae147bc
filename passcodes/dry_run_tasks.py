"""What the worker does to try a draft on the present population."""

from datetime import datetime, timedelta

from accounts.models import Task
from accounts.tasks import Failed, task
from passcodes import dry_runs
from passcodes.dry_run_models import DryRun


@task(dry_runs.KIND, lease=timedelta(minutes=5))
def count(task: Task, at: datetime) -> None:
    """Count one, unless that has been done or nobody wants it any more."""
    number = int(task.subject.partition(":")[2])
    run = DryRun.objects.select_related("batch__source", "rule_set").filter(pk=number, finished_at=None).first()
    if run is None:
        return
    try:
        dry_runs.count(run, task=task, at=at)
    except dry_runs.Decided as decided:
        raise Failed("decided") from decided
