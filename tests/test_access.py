"""Proof that no view is unguarded: every address of the site, walked by the resolver, asked by nobody in particular."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.urls import LocalePrefixPattern, Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse
from django.utils.regex_helper import normalize

# Views that anybody may see. Everything else needs sign-in.
PUBLIC = {
    "home",
    "set_language",
    "guide",
    "healthz",
    "accounts:audit_head",
    "service_worker",
    "accounts:sign_in",
    "accounts:sign_in_code",
    "accounts:sign_in_resend",
    "accounts:sign_in_check",
    "accounts:sign_in_new_owner",
    "accounts:sign_out",
    "admin:login",
    "admin:logout",
    "console:login",
    "console:logout",
    "desk:login",
    "desk:logout",
    "declarations:agreement",
    "declarations:counties",
    "passcodes:face_link",
    "passcodes:key_set",
    "passcodes:offices",
    "passcodes:offline",
    "scanning:open",
}
# Views that check a device key or a signature themselves, before any session: nobody gets anything without one.
OWN_KEY = {"passcodes:code", "passcodes:push_risk", "token", "scan_check", "scan_temperature"}
# Views of the face check, which look up the right to it themselves: a one-time link's phone has no account.
FACE = {
    "face",
    *(f"face_{name}" for name in ["state", "consent", "photo", "aim", "challenge", "frames", "withdraw", "new_link"]),
}
OWN_KEY |= {f"passcodes:{name}" for name in FACE} | {"passcodes:history", "passcodes:outlook"}

# What to put in a path: by the argument's name where its form matters, else by the kind of converter.
BY_NAME = {"pass_id": "0123456789abcdef", "receipt": "7KQ2-M9XD"}
BY_KIND = {"IntConverter": "1", "UUIDConverter": "01890a5d-ac96-774b-bcce-b302099a8057"}

# What may be said to somebody who is not signed in. 400 and 405: nobody may ask in this way.
REFUSALS = {400, 401, 403, 404, 405}


@dataclass(frozen=True)
class Route:
    """One address: `name` with its namespaces ("" = nameless), a path that it matches, and its view."""

    name: str
    path: str
    view: object


def walk(patterns, prefix: str = "/", namespaces: tuple[str, ...] = ()) -> Iterator[Route]:
    """Every route below a resolver's patterns."""
    for entry in patterns:
        path = prefix + example(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = (*namespaces, entry.namespace) if entry.namespace else namespaces
            yield from walk(entry.url_patterns, path, inner)
        elif isinstance(entry, URLPattern):
            yield Route(":".join([*namespaces, entry.name or ""]), path, entry.callback)


def example(pattern) -> str:
    """A piece of path that the pattern matches."""
    if isinstance(pattern, LocalePrefixPattern):
        return pattern.language_prefix
    form, names = normalize(pattern.regex.pattern)[0]
    kinds = {name: type(converter).__name__ for name, converter in pattern.converters.items()}
    first_words = dict(re.findall(r"\(\?P<(\w+)>(\w+)[\w|]*\)", pattern.regex.pattern))  # (?P<label>one|other)
    values = {**first_words, **BY_NAME}
    return form % {name: values.get(name) or BY_KIND.get(kinds.get(name), "x") for name in names}


def routes() -> list[Route]:
    return list(walk(get_resolver().url_patterns))


ROUTES = routes()
GUARDED = [route for route in ROUTES if route.name not in PUBLIC]


def identify(route: Route) -> str:
    return route.path if route.name.endswith(":") or not route.name else route.name


def test_the_walk_reaches_every_view():
    assert [route for route in ROUTES if not is_reached(route)] == [], "give BY_NAME or BY_KIND an example for these"


def test_lists_name_views_that_exist():
    assert (PUBLIC | OWN_KEY) - {route.name for route in ROUTES} == set()


def is_reached(route: Route) -> bool:
    """Whether asking for the route's path calls its view."""
    try:
        return resolve(route.path).func == route.view
    except Resolver404:
        return False


@pytest.mark.parametrize("route", ROUTES, ids=identify)
def test_only_public_views_are_marked_public(route):
    open_to_all = not getattr(route.view, "login_required", True)
    assert open_to_all == (route.name in PUBLIC | OWN_KEY)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("route", GUARDED, ids=identify)
def test_who_is_not_signed_in_gets_nothing(client, route, method):
    response = getattr(client, method)(route.path)
    if response.status_code == 302:
        assert response.url.split("?")[0] in {*sign_in_pages(), f"{route.path}/"}
    else:
        assert response.status_code in REFUSALS


def sign_in_pages() -> set[str]:
    """Where one is sent to sign in, of the sites that are there."""
    names = {route.name for route in ROUTES}
    return {
        reverse(name) for name in ("accounts:sign_in", "admin:login", "console:login", "desk:login") if name in names
    }
