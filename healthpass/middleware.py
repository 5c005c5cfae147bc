"""Middleware of our own: the early way to the hot paths, and sign-in required by default."""

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.urls import Resolver404, get_resolver


def hot_paths(get_response):
    """Call the views of `healthpass.hot_urls` before any other middleware.

    They check their own device key and origin; everything else goes the ordinary way.
    """
    resolver = get_resolver("healthpass.hot_urls")

    def middleware(request):
        try:
            match = resolver.resolve(request.path_info)
        except Resolver404:
            return get_response(request)
        request.resolver_match = match
        return match.func(request, *match.args, **match.kwargs)

    return middleware


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's, looking at the view's mark first: its own loads session and account for public pages too."""

    def process_view(self, request, view_func, view_args, view_kwargs):
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)
