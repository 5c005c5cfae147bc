"""One-time links that bring an open face check to the person's own phone; kept as keyed hashes."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit, limits
from accounts.models import Account
from healthpass.lib.encryption import keyed_hash
from passcodes import face_checks
from passcodes.models import FaceCheck, FaceLink

HOUR = timedelta(hours=1)
LINKS_AN_HOUR = 5
LINK_LIFE = timedelta(minutes=30)


class LinkDead(Exception):
    """The link has been used, is too old, or never was."""


def make_link(*, check: FaceCheck, by: Account, at: datetime) -> str:
    """The token of a new one-time link; earlier ones that were not used are dead. Raises NotNow, LimitReached."""
    limits.take("face-link", str(by.pk), limit=LINKS_AN_HOUR, per=HOUR, at=at)
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        check = face_checks.locked(check)
        check.links.filter(used_at=None).delete()
        FaceLink.objects.create(check_of=check, hash=link_hash(token), expires_at=at + LINK_LIFE)
        audit.record(
            by=by, action="make-face-link", subject=f"person:{check.pass_code.person_id}", at=at, face_check=check.pk
        )
    return token


def use_link(*, token: str, at: datetime) -> FaceLink:
    """The link, used up now. Raises LinkDead."""
    link = live_link(token=token, at=at)
    if link is None or not FaceLink.objects.filter(pk=link.pk, used_at=None).update(used_at=at):
        raise LinkDead
    return link


def live_link(*, token: str, at: datetime) -> FaceLink | None:
    """The link, if it can still be used for an open check."""
    links = FaceLink.objects.filter(hash=link_hash(token), used_at=None, expires_at__gt=at, check_of__ended_at=None)
    return links.select_related("check_of__pass_code", "check_of__account").first()


def link_hash(token: str) -> str:
    """What is kept of a link."""
    return keyed_hash("face-link", token)
