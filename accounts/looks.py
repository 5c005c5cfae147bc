"""Unusually many looks at people: who looks more often than the work asks for is asked why."""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncHour

from accounts import audit
from accounts.models import AuditEntry

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
# Pages, searches, and documents that a desk looks up; not each person whom a search has found.
LOOKED = Q(action__startswith="view-") | Q(action__startswith="search-") | Q(action="desk-look-up")
ALERT = "alert-looks"
ALERTS_SHOWN = timedelta(days=7)


def alert(at: datetime) -> list[AuditEntry]:
    """An audit row and a log line for each account with too many looks and searches in a full hour of the last day.

    Each hour counts once, however often and however late this runs.
    """
    end = at.replace(minute=0, second=0, microsecond=0)
    looked = (
        AuditEntry.objects.filter(LOOKED, at__gte=end - DAY, at__lt=end, actor__isnull=False)
        .annotate(hour=TruncHour("at", tzinfo=UTC))
        .values("actor", "hour")
        .annotate(count=Count("pk"))
        .filter(count__gt=settings.LOOKS_AN_HOUR)
        .order_by("hour", "actor")
    )
    told = AuditEntry.objects.filter(action=ALERT, at__gte=end - DAY)
    known = set(told.values_list("subject", "detail__hour"))
    alerts = []
    for row in looked:
        subject, hour = f"account:{row['actor']}", row["hour"].isoformat()
        if (subject, hour) not in known:
            log.warning("%s: %s looks at people from %s", subject, row["count"], hour)
            alerts.append(audit.record(by=None, action=ALERT, subject=subject, at=at, hour=hour, count=row["count"]))
    return alerts


def recent_alerts(at: datetime) -> QuerySet:
    """What the authority's first page tells of."""
    return AuditEntry.objects.filter(action=ALERT, at__gte=at - ALERTS_SHOWN).order_by("-at", "-pk")
