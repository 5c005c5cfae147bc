"""The one worker beside the web."""

import logging
import os
import signal
import time

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from accounts import tasks, worker

log = logging.getLogger("accounts.worker")

IDLE_SECONDS = 1
DATABASE_GONE_SECONDS = 5


class Command(BaseCommand):
    help = (
        "Run what is slow or comes round, from rows in the database, until SIGTERM or Ctrl-C; the task that runs then"
        " is brought to its end. Several may run at once. A task whose worker was killed is taken up again."
    )
    requires_system_checks = ()  # the web server has made them, and they load every page

    def add_arguments(self, parser):
        parser.add_argument("--once", action="store_true", help="run what is due and exit")
        parser.add_argument("--while", dest="pid", type=int, help="stop when the process with this id has ended")

    def handle(self, *, once: bool, pid: int | None, **options):
        autodiscover_modules("tasks")
        if once:
            tasks.schedule(timezone.now())
            while worker.run_next():
                pass
            return
        self.stopping = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        log.info("started")
        self.loop(pid)
        log.info("stopped")

    def stop(self, signum, frame) -> None:
        """What a signal does: the loop ends after the task that runs."""
        self.stopping = True

    def loop(self, pid: int | None) -> None:
        """Run tasks; wait a little when there are none, longer when the database is gone."""
        scheduled = False
        while not self.stopping and (pid is None or is_running(pid)):
            close_old_connections()
            try:
                if not scheduled:
                    tasks.schedule(timezone.now())
                    scheduled = True
                pause = 0 if worker.run_next() else IDLE_SECONDS
            except Error as error:  # not a task's own: those are caught there
                log.warning("database: %s", type(error).__name__)
                pause = DATABASE_GONE_SECONDS
            for _ in range(pause):
                if not self.stopping:
                    time.sleep(1)


def is_running(pid: int) -> bool:
    """Whether the process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
