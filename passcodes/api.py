"""`/api/v1/`: what other systems send. `docs/api.md` documents it."""

from collections.abc import Iterator
from datetime import timedelta

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import limits
from accounts.limits import LimitReached, client_address
from healthpass.lib.json_answer import json_answer
from passcodes import risk, risk_wire
from passcodes.models import RiskBatch, RiskSource
from passcodes.risk_models import BatchState, BatchWay
from passcodes.risk_rows import RefusedFile
from passcodes.risk_wire import BadSignature, TooLarge

FAILURES_AN_HOUR = {"limit": 30, "per": timedelta(hours=1)}  # by one address
HEADERS = ("X-Date", "X-Source", "X-Batch")  # in the order in which they are signed
CHUNK = 64 * 1024
NAME_LENGTH = 64
STATES = {  # of a batch, now
    BatchState.DRAFT: "waiting",
    BatchState.VISIBLE: "in_force",
    BatchState.WITHDRAWN: "withdrawn",
    BatchState.REFUSED: "refused",
}


@csrf_exempt
@login_not_required  # the signature is the sign-in
@require_POST
def push_risk(request: HttpRequest) -> JsonResponse:
    """Takes a batch of JSON lines and puts it in force, if no second office has to agree.

    The same batch again is answered as the first time, with its present state.
    """
    now = timezone.now()
    heads = [request.headers.get(name, "").strip() for name in HEADERS]
    sent_at, slug, name = heads
    if not all(heads) or len(name) > NAME_LENGTH or not name.isprintable() or "\n" in "".join(heads):
        return json_answer({"error": "headers"}, status=400)
    failures = {"scope": "risk-push", "value": client_address(request), **FAILURES_AN_HOUR}
    try:
        limits.take(**failures, at=now)  # first, so that many tries at once are counted too
        risk_wire.check_date(sent_at, now)
        source = RiskSource.objects.agreed().filter(slug=slug).first()
        signed = request.headers.get("X-Signature", "")
        key = source.key if source else None
        with risk_wire.put_aside(_chunks(request), key=key, heads=heads, signed=signed) as file:
            limits.give_back(scope="risk-push", value=client_address(request), per=FAILURES_AN_HOUR["per"], at=now)
            return _taken(source, name, file, now)
    except LimitReached:
        return json_answer({"error": "limit"}, status=429)
    except BadSignature:
        return json_answer({"error": "signature", "now": now.isoformat()}, status=401)
    except TooLarge:
        return json_answer({"error": "size", "limit_bytes": risk_wire.BODY_LIMIT}, status=413)
    except UnreadablePostError:
        return json_answer({"error": "cut"}, status=400)


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(CHUNK):
        yield chunk


def _taken(source: RiskSource, name: str, file, now) -> JsonResponse:
    """The answer to a batch whose sender is known."""
    try:
        batch = risk.load(source=source, name=name, way=BatchWay.PUSH, file=file, by=None, at=now, at_once=True)
    except risk.Conflict as conflict:
        return json_answer({"error": "conflict", **answer(conflict.batch)}, status=409)
    except risk.NotAgreed:  # ended since its signature was checked
        return json_answer({"error": "signature", "now": now.isoformat()}, status=401)
    except risk.Busy:
        response = json_answer({"error": "busy"}, status=503)
        response["Retry-After"] = "10"
        return response
    except RefusedFile as refused:
        return json_answer({"error": refused.code, "names": refused.names}, status=400)
    if not batch.applied:
        return json_answer({"error": "no_rows", **answer(batch)}, status=422)
    return json_answer(answer(batch))


def answer(batch: RiskBatch) -> dict:
    """What the sender learns of a batch, now and whenever it is sent again."""
    problems = [dict(zip(("line", "column", "problem"), problem, strict=True)) for problem in batch.problems]
    return {"batch": batch.name, "state": STATES[batch.state], **risk.counts(batch), "problems": problems}
