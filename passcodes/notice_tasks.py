"""What the worker does to tell people of changes."""

import time
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import Task
from accounts.tasks import Outcome, task
from passcodes import notice_search, notices


@task("notices", lease=timedelta(minutes=5), every=timedelta(minutes=1))
def tell(task: Task, at: datetime) -> Outcome | None:
    """Find who may have to be told, and tell those whose colour has changed."""
    began = time.monotonic()
    notice_search.search(at)
    while notices.send_due(timezone.now()):
        if time.monotonic() - began > notices.SECONDS:
            return Outcome.AGAIN
    return None
