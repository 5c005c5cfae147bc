"""Personal data at rest: encrypted fields, and keyed hashes to look them up by.

Ciphertext: 4 bytes naming the key, a 12-byte nonce, then AES-256-GCM output. The field's label is authenticated
with it, so a value moved to another column does not decrypt.
"""

import base64
import functools
import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

KEY_ID = 4
NONCE = 12


class DecryptionError(Exception):
    """The value was written with a key that FIELD_KEYS no longer holds, or has been changed."""


@functools.lru_cache(maxsize=4)
def _ciphers(keys: tuple[str, ...]) -> dict[bytes, AESGCM]:
    """Key id -> cipher, newest first."""
    raw = [base64.b64decode(key) for key in keys]
    return {hashlib.sha256(key).digest()[:KEY_ID]: AESGCM(key) for key in raw}


def current_key_id() -> bytes:
    """The id that newly written values begin with."""
    return next(iter(_ciphers(tuple(settings.FIELD_KEYS))))


def encrypt(value: bytes, label: str) -> bytes:
    """`value` under the newest key, bound to `label`."""
    key_id, cipher = next(iter(_ciphers(tuple(settings.FIELD_KEYS)).items()))
    nonce = os.urandom(NONCE)
    return key_id + nonce + cipher.encrypt(nonce, value, label.encode())


def decrypt(data: bytes, label: str) -> bytes:
    """What `encrypt` was given. Raises DecryptionError."""
    data = bytes(data)
    key_id, nonce, body = data[:KEY_ID], data[KEY_ID : KEY_ID + NONCE], data[KEY_ID + NONCE :]
    try:
        return _ciphers(tuple(settings.FIELD_KEYS))[key_id].decrypt(nonce, body, label.encode())
    except (KeyError, InvalidTag) as error:
        raise DecryptionError(label) from error


def keyed_digest(purpose: str, value: bytes) -> bytes:
    """32 bytes of HMAC-SHA256 under LOOKUP_KEY: who has only the database cannot make them."""
    return hmac.digest(settings.LOOKUP_KEY.encode(), purpose.encode() + b"\0" + value, "sha256")


def keyed_hash(purpose: str, value: str) -> str:
    """32 hex digits (128 bits of `keyed_digest`): equality look-ups without the value."""
    return keyed_digest(purpose, value.encode()).hex()[:32]


def keyed_hasher(purpose: str) -> Callable[[str], str]:
    """`keyed_hash` of one purpose, for millions of values: half its time, as key and purpose are hashed once."""
    begun = hmac.new(settings.LOOKUP_KEY.encode(), f"{purpose}\0".encode(), "sha256")

    def hashed(value: str) -> str:
        message = begun.copy()
        message.update(value.encode())
        return message.hexdigest()[:32]

    return hashed


class EncryptedBytesField(models.BinaryField):
    """Bytes that the database sees as ciphertext only. Cannot be filtered by: keep a keyed hash beside them."""

    @property
    def label(self) -> str:
        """What the ciphertext is bound to."""
        return f"{self.model._meta.label_lower}.{self.attname}"

    def get_prep_value(self, value: bytes | None) -> bytes | None:
        return None if value is None else encrypt(bytes(value), self.label)

    def from_db_value(self, value, expression, connection) -> bytes | None:
        return None if value is None else decrypt(value, self.label)

    def to_python(self, value):
        return value

    def get_lookup(self, name):
        if name == "isnull":
            return super().get_lookup(name)
        raise FieldError("Encrypted fields cannot be filtered; use the keyed hash.")

    def value_to_string(self, obj) -> str:
        return base64.b64encode(self.get_prep_value(self.value_from_object(obj)) or b"").decode()

    def formfield(self, **kwargs):
        return None


class EncryptedTextField(EncryptedBytesField):
    """The same for text."""

    def get_prep_value(self, value: str | bytes | None) -> bytes | None:
        return super().get_prep_value(value.encode()) if isinstance(value, str) else value

    def from_db_value(self, value, expression, connection) -> str | None:
        return None if value is None else decrypt(value, self.label).decode()
