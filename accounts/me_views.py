"""My data: read it, take it away, close the account."""

import json
import uuid
from datetime import datetime, timedelta

from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import actions, audit, closing, limits, me, officers, sessions
from accounts.forms import CodeForm
from accounts.limits import LimitReached, client_address
from accounts.models import Account, OneTimeCode, identifier_hash
from accounts.sms import SmsFailed
from accounts.views import too_often, with_retry_after
from healthpass.lib.masks import mask_phone

EXPORTS_A_DAY = 5
ROWS_SHOWN = 10  # of a section; the file has all
DAY = timedelta(days=1)
LAST_OFFICER = gettext_lazy(
    "You are the last officer of one of the last two offices that decide. Propose another officer at /admin/; when an "
    "office has agreed, you can close your account."
)


@never_cache
@require_safe
def me_page(request: HttpRequest) -> HttpResponse:
    """Everything that is kept about me, masked where a glance over the shoulder would tell too much."""
    now = timezone.now()
    return render(
        request, "accounts/me.html", {"sections": [_shown(part, request.user, now) for part in me.sections()]}
    )


def _shown(part: me.Section, account: Account, now: datetime) -> dict:
    rows = list(part.gather(account, now))
    return {"section": part, "rows": rows[:ROWS_SHOWN], "count": len(rows), "more": max(0, len(rows) - ROWS_SHOWN)}


@never_cache
@require_POST
def me_export(request: HttpRequest) -> HttpResponse:
    """The same as a JSON file, whole and not masked; a few times a day, audited."""
    now = timezone.now()
    account = request.user
    try:
        limits.take("export", str(account.pk), limit=EXPORTS_A_DAY, per=DAY, at=now)
    except LimitReached as limit:
        messages.warning(request, too_often(limit, now))
        return redirect("accounts:me")
    audit.record(by=account, action="export-own-data", subject=f"account:{account.pk}", at=now)
    document = {"made_at": now, "account": account.pk, **me.as_json(account, now)}
    text = json.dumps(document, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
    name = f"health-pass-{timezone.localdate(now):%Y%m%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=headers)


@never_cache
def me_close(request: HttpRequest) -> HttpResponse:
    """What ends and what stays; a POST sends the one-time code that closing asks for."""
    now = timezone.now()
    phone = closing.phone_of(request.user)
    status, retry_at = 200, None
    if request.method == "POST" and officers.is_last(request.user):
        messages.error(request, LAST_OFFICER)
    elif request.method == "POST" and phone:
        try:
            code = actions.request_code(phone=phone, address=client_address(request), known=True, at=now)
            request.session["closing"] = str(code.pk)
            return redirect("accounts:me_close_code")
        except LimitReached as limit:
            messages.error(request, too_often(limit, now))
            status, retry_at = 429, limit.retry_at
        except SmsFailed:
            messages.error(request, _("We could not send the message. Please try again in a minute."))
            status = 503
    context = {"remainders": me.remainders(request.user, now), "phone": phone and mask_phone(phone)}
    return with_retry_after(render(request, "accounts/me_close.html", context, status=status), retry_at, now)


@never_cache
@sensitive_post_parameters()
def me_close_code(request: HttpRequest) -> HttpResponse:
    """Ask for the one-time code, and close the account with it."""
    now = timezone.now()
    code = _asked_code(request)
    if code is None:
        return redirect("accounts:me_close")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            actions.use_code(code_id=code.pk, digits=form.cleaned_data["code"], at=now)
            return _closed(request, now)
        except officers.LastOffices:
            messages.error(request, LAST_OFFICER)
            return redirect("accounts:me_close")
        except actions.CodeRefused as refusal:
            form.add_error("code", str(refusal))
    return render(request, "accounts/me_close_code.html", {"form": form, "phone": mask_phone(code.value)})


def _asked_code(request: HttpRequest) -> OneTimeCode | None:
    """The code that this browser asked for to close the account, while the number is the account's own."""
    code_id = request.session.get("closing")
    code = OneTimeCode.objects.filter(pk=uuid.UUID(code_id)).first() if code_id else None
    if code is None:
        return None
    own = request.user.identifiers.filter(kind=code.kind, hash=identifier_hash(code.kind, code.value))
    return code if own.exists() else None


def _closed(request: HttpRequest, now: datetime) -> HttpResponse:
    account = request.user
    remainders = me.remainders(account, now)
    closing.close(account=account, by=account, at=now)
    sessions.finish(request)
    response = render(request, "accounts/me_closed.html", {"remainders": remainders})
    response["Clear-Site-Data"] = sessions.CLEAR_SITE_DATA
    response.delete_cookie(sessions.DEVICE_COOKIE, samesite="Lax")
    return response
