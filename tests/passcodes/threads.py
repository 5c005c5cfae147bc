"""Calls at the same time, each in a thread and a connection of its own. For PostgreSQL."""

import threading

from django.db import connection


def at_once(*calls) -> list[str]:
    """What became of calls in threads of their own, sorted."""
    ready, ends = threading.Barrier(len(calls)), []

    def run(call):
        try:
            ready.wait(10)
            call()
            ends.append("done")
        except Exception as error:
            ends.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)
