"""What the hot paths answer with: they run before the middleware that would add these headers."""

from django.http import JsonResponse

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


def json_answer(data: dict, status: int = 200) -> JsonResponse:
    """JSON that no cache keeps."""
    return JsonResponse(data, status=status, headers=HEADERS)
