"""Bodies that are refused before they are read into memory."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt, csrf_protect

CHUNK = 65_536
DRAINED = 32_000_000  # bytes: of a body that is too large, read and dropped so that the browser gets to see the answer
UNREADABLE = (MultiPartParserError, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent, UnreadablePostError)

Refuse = Callable[[HttpRequest, int], HttpResponse]


def bounded(limit: int, refuse: Refuse) -> Callable:
    """Call the view for bodies of at most `limit` bytes that can be parsed, else `refuse(request, status)`: 413 or 400.

    The CSRF check, which reads the body, waits for that. Below FILE_UPLOAD_MAX_MEMORY_SIZE nothing reaches the disk.
    """

    def decorate(view: Callable) -> Callable:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if _length(request) > limit:
                _drain(request)
                return refuse(request, 413)
            try:
                len(request.FILES)  # parses the body
            except UNREADABLE:
                return refuse(request, 400)
            return protected(request, *args, **kwargs)

        return wrapper

    return decorate


def _length(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0


def _drain(request: HttpRequest) -> None:
    """A server that answers and closes while the browser still sends shows an error of the connection instead."""
    if _length(request) > DRAINED:
        return
    try:
        while request.read(CHUNK):
            pass
    except UnreadablePostError:
        return
