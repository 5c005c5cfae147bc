"""Pages that belong to no app: home, health of the service, errors."""

import logging
import sys

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

logger = logging.getLogger(__name__)


@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    """The tiles; for who has a code, the code first."""
    return render(request, "home.html")


@login_not_required
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """For operators: 200 when the database answers, else 503 that says what is wrong."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return JsonResponse({"database": "unreachable"}, status=503)
    return JsonResponse({"database": "ok"})


def server_error(request: HttpRequest) -> HttpResponse:
    """A plain page without database, session or template context: 503 while the database is gone, else 500."""
    database_gone = isinstance(sys.exc_info()[1], DatabaseError | InterfaceError)
    return render(None, "503.html" if database_gone else "500.html", status=503 if database_gone else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page was left open too long, or cookies are off."""
    return render(request, "csrf_failure.html", status=403)
