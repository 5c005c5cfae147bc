"""Unusually many looks at people: who looks more often than the work asks for is asked why."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from accounts import audit
from accounts.models import AuditEntry

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
ALERT = "alert-looks"
ALERTS_SHOWN = timedelta(days=7)


def alert(at: datetime) -> list[AuditEntry]:
    """An audit row and a log line for each account with too many looks and searches in the last full hour.

    Each hour counts once, however often this runs.
    """
    end = at.replace(minute=0, second=0, microsecond=0)
    start = end - HOUR
    looked = (
        AuditEntry.objects.filter(Q(action__startswith="view-") | Q(action__startswith="search-"))
        .filter(at__gte=start, at__lt=end, actor__isnull=False)
        .values("actor")
        .annotate(count=Count("pk"))
        .filter(count__gt=settings.LOOKS_AN_HOUR)
        .order_by("actor")
    )
    told = AuditEntry.objects.filter(action=ALERT, at__gte=end, detail__hour=start.isoformat())
    known = set(told.values_list("subject", flat=True))
    alerts = []
    for row in looked:
        subject = f"account:{row['actor']}"
        if subject not in known:
            log.warning("%s: %s looks at people from %s", subject, row["count"], start.isoformat())
            alerts.append(
                audit.record(by=None, action=ALERT, subject=subject, at=at, hour=start.isoformat(), count=row["count"])
            )
    return alerts


def recent_alerts(at: datetime) -> QuerySet:
    """What the authority's first page tells of."""
    return AuditEntry.objects.filter(action=ALERT, at__gte=at - ALERTS_SHOWN).order_by("-at", "-pk")
