"""Writes of the accounts app."""

import secrets
from datetime import datetime

from accounts.models import DEVICE_KEY_LIFE, Account, DeviceKey
from healthpass.lib.encryption import keyed_hash


def issue_device_key(*, account: Account, device_id: int, subject: str, at: datetime) -> str:
    """A new secret for the browser's cookie, good for one pass (`subject` = its public id) or for scanning ("").

    Replaces the browser's earlier key for the same subject.
    """
    secret = secrets.token_urlsafe(24)
    DeviceKey.objects.filter(device_id=device_id, subject=subject).delete()
    DeviceKey.objects.create(
        hash=device_key_hash(secret),
        account=account,
        device_id=device_id,
        subject=subject,
        expires_at=at + DEVICE_KEY_LIFE,
    )
    return secret


def device_key_hash(secret: str) -> str:
    """What is kept of a device key, and looked up by."""
    return keyed_hash("device-key", secret)
