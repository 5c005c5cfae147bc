"""Pages that belong to no app: home, health of the service, errors."""

import hashlib
import sys
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import timezone
from django.views.decorators.cache import never_cache

from declarations.models import Person
from healthpass.lib import retention
from passcodes import notices
from scanning import partitions


@login_not_required
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The tiles; for who has a code, the code first."""
    if not request.user.is_authenticated:
        return render(request, "home.html")
    person = Person.objects.held_by(request.user).first()
    turned = notices.turned(account=request.user, at=timezone.now())
    own = {person.pk} if person else set()
    return render(request, "home.html", {"person": person, "turned": turned & own, "others_turned": turned - own})


@login_not_required
def guide(request: HttpRequest) -> HttpResponse:
    """What is kept of people, why and for how long."""
    return render(request, "guide.html", {"kept": retention.shown()})


@login_not_required
@never_cache
def service_worker(request: HttpRequest) -> HttpResponse:
    """The service worker, at the root because it may only serve what lies below its own address."""
    files = ["css/site.css", "img/icon.svg", "js/offline.js", "js/drawing.js", "js/last_code.js"]
    if "vendor/lean-qr" in dict(settings.STATICFILES_DIRS[1:]):
        files.append("vendor/lean-qr/index.mjs")
    # Hashed names change with their content, and so does the cache's name.
    cache_name = hashlib.sha256(" ".join(static(file) for file in files).encode()).hexdigest()[:12]
    context = {"files": files, "cache_name": cache_name}
    return render(request, "sw.js", context, content_type="text/javascript")


@login_not_required
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """For operators: 200 when the database answers and tomorrow's partition exists; else 503 that says why not."""
    tomorrow = timezone.localdate() + timedelta(days=1)
    try:
        ready = partitions.exists(tomorrow)
    except (OperationalError, InterfaceError):
        return JsonResponse({"database": "unreachable"}, status=503)
    if not ready:
        return JsonResponse({"database": "ok", "partition": f"missing for {tomorrow}"}, status=503)
    return JsonResponse({"database": "ok", "partition": "ok"})


def server_error(request: HttpRequest) -> HttpResponse:
    """A plain page without database, session or template context: 503 while the database is gone, else 500."""
    database_gone = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    return render(None, "503.html" if database_gone else "500.html", status=503 if database_gone else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page was left open too long, or cookies are off."""
    return render(request, "csrf_failure.html", status=403)
