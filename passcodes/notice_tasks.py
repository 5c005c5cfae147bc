"""What the worker does to tell people of changes."""

import time
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Task
from accounts.tasks import Outcome, task
from passcodes import notice_search, notices
from passcodes.models import RiskArea


@task("notices", lease=timedelta(minutes=5), every=timedelta(minutes=1))
def tell(task: Task, at: datetime) -> Outcome | None:
    """Find who may have to be told, and tell those whose colour has changed."""
    began = time.monotonic()
    more = notice_search.search(at)
    while notices.send_due(timezone.now()):
        if time.monotonic() - began > notices.SECONDS:
            return Outcome.AGAIN
    return Outcome.AGAIN if more else None


@task("area-ended", lease=timedelta(minutes=5))
def tell_of_area(task: Task, at: datetime) -> None:
    """Find who may have to be told that the last day of a risk area has been put earlier."""
    if area := RiskArea.objects.filter(pk=int(task.subject.partition(":")[2])).first():
        notice_search.search_area(area=area, at=at)
