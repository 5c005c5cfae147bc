"""Asking and deciding, as the tests of checks by a person do again and again."""

import io
import json

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts.models import AuditEntry
from passcodes import document_checks
from passcodes.actions import issue_pass
from passcodes.models import DocumentCheck
from tests import factories

NUMBER = factories.DOCUMENTS[1]
QUEUE = "/admin/passcodes/documentcheck/"
KEPT = document_checks.DECIDED_WITHIN
REASON = "姓名和号码与照片一致"


def sent(outbox) -> list[dict]:
    lines = outbox.read_text(encoding="utf-8").splitlines() if outbox.exists() else []
    return [json.loads(line) for line in lines]


def picture(size=(800, 600), kind="JPEG", **options) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def upload(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("document.jpg", picture() if data is None else data, content_type="image/jpeg")


def browser(account) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    return client


def ask(proxy, at=None, account=None) -> DocumentCheck:
    account = account or proxy.account
    pass_code = issue_pass(person=proxy.person)
    at = at or timezone.now()
    return document_checks.ask(account=account, pass_code=pass_code, photo=picture(), note="", by=account, at=at)


def decide(check, officer, approved=True, at=None, **fields):
    values = {"reason": REASON, "shown_claim": document_checks.shown(check.pass_code.person)} | fields
    document_checks.decide(check=check, approved=approved, by=officer, at=at or timezone.now(), **values)


def actions_on(person) -> list[str]:
    return list(
        AuditEntry.objects.filter(subject=f"person:{person.pk}").order_by("pk").values_list("action", flat=True)
    )
