"""What the tests of the face check's pages do again and again; the worker's part is written by hand."""

import io
import json

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from accounts.models import Task
from declarations.identity import Result
from passcodes import face_results
from passcodes.findings import LiveFinding, LiveVerdict
from passcodes.models import FaceCheck, FaceTry
from tests import factories

SCRIPT = {"accept": "application/json"}
BELOW = ["", "state/", "consent/", "photo/", "aim/", "challenge/", "frames/", "withdraw/", "link/"]
POSTED = BELOW[2:]


def sign_in(account) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    session = client.session
    session["device"] = factories.device(account=account, secret=f"device-{account.pk}").pk
    session.save()
    return client


def picture(number: int = 0, side: int = 320) -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (side, side), (number * 5 % 256, 90, number)).save(data, "JPEG")
    return SimpleUploadedFile(f"{number}.jpg", data.getvalue(), "image/jpeg")


def record_photo(finding) -> None:
    task = Task.objects.get(kind="face-photo", done_at=None)
    face_results.record_photo(task=task, check=FaceCheck.objects.get(), finding=finding, at=timezone.now())


def record_live(finding=LiveFinding.PASSED, authority=Result.MATCH, quality=None) -> None:
    task = Task.objects.get(kind="face-live", done_at=None)
    attempt = FaceTry.objects.get(pk=int(task.subject.split(":")[1]))
    face_results.record_live(
        task=task,
        attempt=attempt,
        claim=face_results.claim_of(attempt.check_of),
        verdict=LiveVerdict(finding, quality=quality),
        authority=authority,
        threshold=0.45,
        model="test",
        at=timezone.now(),
    )


def state(client, pass_id) -> dict:
    return client.get(f"/face/{pass_id}/state/", headers=SCRIPT).json()


def answer(client, pass_id, *, key=None, at=None, frames=10, first=0):
    """Answer the challenge that `client` has just been given, or any `key`, with pictures a tenth of a second apart."""
    if key is None:
        key = client.post(f"/face/{pass_id}/challenge/", headers=SCRIPT).json()["key"]
    at = json.dumps([number / 100 for number in range(frames)]) if at is None else at
    body = {"key": key, "at": at, "frame": [picture(first + number) for number in range(frames)]}
    return client.post(f"/face/{pass_id}/frames/", body, headers=SCRIPT)
