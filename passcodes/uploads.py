"""Uploads of personal pictures: held in memory, never on the disk, and no more of them than is taken.

A file alone is refused before anything is read when the body is larger than it may be. One that is sent with other
fields, which must not be lost with it, is read past what is kept of it.
"""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopFutureHandlers
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt, csrf_protect

CHUNK = 65_536
DRAINED = 32_000_000  # bytes: of a body that is too large, read and dropped so that the browser gets to see the answer
UNREADABLE = (MultiPartParserError, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent, UnreadablePostError)

Refuse = Callable[[HttpRequest, int], HttpResponse]


class _FirstFiles(MemoryFileUploadHandler):
    """Keeps the request's first files in memory, at most `keep` bytes of each: its `size` tells that there was more."""

    def __init__(self, request: HttpRequest, keep: int, most: int):
        super().__init__(request)
        self.keep, self.most = keep, most
        self.files = 0

    def handle_raw_input(self, input_data, META, content_length, boundary, encoding=None):
        self.activated = True

    def new_file(self, *args, **kwargs):
        self.files += 1
        if self.files > self.most:  # read past; SkipFile would close the last that is kept
            raise StopFutureHandlers
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.files <= self.most and start < self.keep:
            self.file.write(raw_data)

    def file_complete(self, file_size: int):
        return super().file_complete(file_size) if self.files <= self.most else None


def bounded(limit: int, refuse: Refuse, *, keep: int | None = None, most: int = 1) -> Callable:
    """Call the view for bodies of at most `limit` bytes that can be parsed, else `refuse(request, status)`: 413 or 400.

    With `keep`, the view gets the first file alone (or the first `most`), cut after that many bytes, and the other
    fields whatever the file is. The CSRF check, which reads the body, waits for that. Nothing reaches the disk: without
    `keep`, the limit has to be below FILE_UPLOAD_MAX_MEMORY_SIZE.
    """

    def decorate(view: Callable) -> Callable:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def wrapper(request: HttpRequest, *args, **kwargs) -> HttpResponse:
            if _length(request) > limit:
                _drain(request)
                return refuse(request, 413)
            if keep is not None:
                request.upload_handlers = [_FirstFiles(request, keep, most)]
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
