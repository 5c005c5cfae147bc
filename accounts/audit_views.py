"""The published heads of the sealed audit."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts import sealing
from accounts.models import AuditSegment

DAYS = 31  # that are published beside today's


@login_not_required
@require_safe
@cache_control(public=True, max_age=60)
def audit_head(request: HttpRequest) -> JsonResponse:
    """`{date, head, count, segment, days}`: the newest head and how many rows it seals; the last of each day before.

    Who keeps a copy can tell later whether the audit was rewritten. A day is Beijing's, of the sealing; before anything
    is sealed, head is null and count 0.
    """
    now = timezone.now()
    heads = [_as_json(segment) for segment in sealing.heads_of_days(at=now, days=DAYS)]
    nothing = {"date": timezone.localdate(now).isoformat(), "head": None, "count": 0, "segment": 0}
    newest, *days = heads or [nothing]
    return JsonResponse({**newest, "days": days})


def _as_json(segment: AuditSegment) -> dict:
    return {
        "date": timezone.localdate(segment.sealed_at).isoformat(),
        "head": segment.head,
        "count": segment.total,
        "segment": segment.number,
    }
