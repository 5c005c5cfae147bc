"""A complete, made-up production environment; `python -m tests.production COMMAND` runs a manage.py command in it."""

import base64
import os
import subprocess
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def token_key(kid: str = "01", not_before: str = "2026-01-01", retired: str = "") -> str:
    """One entry of TOKEN_KEYS with a new key."""
    der = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return f"{kid}:{not_before}:{retired}:{base64.b64encode(der).decode()}"


def environment(**overrides: str) -> dict[str, str]:
    """Every variable that production needs, with fresh secrets; `overrides` replace some."""
    return {
        "DEBUG": "false",
        "SECRET_KEY": base64.b64encode(os.urandom(48)).decode(),
        "ALLOWED_HOSTS": "pass.example.cn",
        "PUBLIC_URL": "https://pass.example.cn",
        "DATABASE_URL": "postgres://healthpass:secret@127.0.0.1:5432/healthpass",
        "FIELD_KEYS": base64.b64encode(os.urandom(32)).decode(),
        "LOOKUP_KEY": base64.b64encode(os.urandom(32)).decode(),
        "TOKEN_KEYS": token_key(),
        "SMS_URL": "https://key@sms.example.cn/send",
        "IDENTITY_URL": "https://key@identity.example.cn/check",
        "TRUSTED_PROXIES": "1",
        **overrides,
    }


if __name__ == "__main__":
    sys.exit(subprocess.call([sys.executable, "manage.py", *sys.argv[1:]], env={**os.environ, **environment()}))
