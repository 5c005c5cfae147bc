"""动态码: the signed, short-lived content of the QR.

An untagged COSE_Sign1 (RFC 9052) CBOR Web Token (RFC 8392), ES256, in base32 without padding (RFC 4648), behind
an upper-case URL, so that the whole fits QR alphanumeric mode. 101 bytes, 162 characters of base32.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from django.db import models

from passcodes.colour import Colour

LIFE = timedelta(seconds=90)
MAX_AHEAD = timedelta(seconds=60)
MAX_LENGTH = 164  # characters of base32

ALG, KID, ES256 = 1, 4, -7  # COSE header parameters and algorithm
EXP, PASS = 4, -65537  # CWT claims; below -65536 is for private use
LIVE, PAPER = 0, 1
_ECDSA = ec.ECDSA(hashes.SHA256())


class Verdict(models.TextChoices):
    """What a token is by itself, before any look at the pass it names."""

    GENUINE = "genuine"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    INVALID = "invalid"


@dataclass(frozen=True)
class TokenKey:
    """A signing key: `kid` is two hex digits; it signs from `not_before`, and from `retired` on is unknown."""

    kid: str
    not_before: date
    retired: date | None
    private: ec.EllipticCurvePrivateKey
    public: ec.EllipticCurvePublicKey
    region: int

    def is_published(self, at: datetime) -> bool:
        """Whether a code signed with it can still live."""
        return self.retired is None or at < datetime.combine(self.retired, time(), UTC) + LIFE

    def signs(self, at: datetime) -> bool:
        """Whether new codes may be signed with it."""
        started = datetime.combine(self.not_before, time(), UTC) <= at
        return started and (self.retired is None or at < datetime.combine(self.retired, time(), UTC))


@dataclass(frozen=True)
class Token:
    """What reading a token gave. `pass_id` and `paper` are set for genuine and expired ones only."""

    verdict: Verdict
    pass_id: str = ""
    paper: bool = False
    expires: datetime | None = None


def parse_keys(value: str, region: int) -> tuple[TokenKey, ...]:
    """TOKEN_KEYS: comma-separated `kid:not_before:retired:key`, key = base64 of the PKCS#8 DER. Raises ValueError."""
    keys = []
    for entry in filter(None, (part.strip() for part in value.split(","))):
        kid, not_before, retired, der = entry.split(":", 3)
        private = serialization.load_der_private_key(base64.b64decode(der), None)
        if len(bytes.fromhex(kid)) != 1 or not isinstance(private.curve, ec.SECP256R1):
            raise ValueError("kid must be two hex digits and the key on P-256")
        keys.append(
            TokenKey(
                kid=kid.lower(),
                not_before=date.fromisoformat(not_before),
                retired=date.fromisoformat(retired) if retired else None,
                private=private,
                public=private.public_key(),
                region=region,
            )
        )
    if len({key.kid for key in keys}) != len(keys):
        raise ValueError("two keys with one kid")
    return tuple(keys)


def sign(pass_id: str, colour: Colour | None, key: TokenKey, at: datetime) -> str:
    """The base32 text of a live token, or with `colour` None of a paper one, which does not expire."""
    claims = {
        PASS: [bytes.fromhex(pass_id), PAPER if colour is None else LIVE, None if colour is None else int(colour)]
    }
    if colour is not None:
        claims = {EXP: int((at + LIFE).timestamp()), **claims}
    protected = cbor2.dumps({ALG: ES256, KID: bytes.fromhex(key.kid)})
    payload = cbor2.dumps(claims)
    r, s = decode_dss_signature(key.private.sign(_to_be_signed(protected, payload), _ECDSA))
    message = cbor2.dumps([protected, {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")])
    return _base32(message)


def url(public_url: str, token: str) -> str:
    """What the QR holds: all upper case, for alphanumeric mode."""
    return f"{public_url.upper()}/C/{token}"


def extract(text: str) -> str:
    """The base32 part of what a camera, a keyboard or a wedge scanner gave: our URL, or the token alone."""
    return text.strip().upper().rpartition("/C/")[2].rstrip("/")


def read(token: str, keys: tuple[TokenKey, ...], at: datetime) -> Token:
    """Take a token's base32 text apart and check signature and times. Never raises."""
    try:
        protected, payload, signature = _decode(token)
        header, claims = _strict(protected), _strict(payload)
        kid = header[KID].hex()
        pass_id, kind, colour = claims[PASS]
        pass_id = pass_id.hex()
        if header[ALG] != ES256 or len(header) != 2 or len(pass_id) != 16 or kind not in (LIVE, PAPER):
            return Token(Verdict.INVALID)
        key = next((key for key in keys if key.kid == kid and key.is_published(at)), None)
        if key is None:
            return Token(Verdict.UNKNOWN)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        key.public.verify(encode_dss_signature(r, s), _to_be_signed(protected, payload), _ECDSA)
        if kind == PAPER:
            return Token(Verdict.GENUINE, pass_id, paper=True)
        Colour(colour)
        expires = datetime.fromtimestamp(claims[EXP], UTC)
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OverflowError,
        OSError,
        InvalidSignature,
        RecursionError,
    ):
        # Whatever a stranger's text does to the decoder, it is not one of our tokens.
        return Token(Verdict.INVALID)
    if expires - LIFE > at + MAX_AHEAD:
        return Token(Verdict.INVALID)
    return Token(Verdict.GENUINE if at < expires else Verdict.EXPIRED, pass_id, expires=expires)


def public_jwk(key: TokenKey) -> dict:
    """The public half as a JWK (RFC 7517) with what a gate needs to know: region and dates."""
    numbers = key.public.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "use": "sig",
        "kid": key.kid,
        "x": _base64url(numbers.x),
        "y": _base64url(numbers.y),
        "region": f"{key.region:06d}",
        "not_before": key.not_before.isoformat(),
        "retired": key.retired.isoformat() if key.retired else None,
    }


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return cbor2.dumps(["Signature1", protected, b"", payload])


def _decode(token: str) -> tuple[bytes, bytes, bytes]:
    """Protected header, payload and signature. Raises ValueError."""
    if len(token) > MAX_LENGTH:
        raise ValueError("too long")
    try:
        message = base64.b32decode(token + "=" * (-len(token) % 8))
    except binascii.Error as error:
        raise ValueError("not base32") from error
    whole = len(message) // 5  # groups of 5 bytes and 8 characters; only the rest can hide stray bits
    if _base32(message[whole * 5 :]) != token[whole * 8 :]:
        raise ValueError("stray bits at the end")
    parts = _strict(message)
    if not isinstance(parts, list) or len(parts) != 4 or parts[1] != {} or len(parts[3]) != 64:
        raise ValueError("not a COSE_Sign1")
    return parts[0], parts[2], parts[3]


def _strict(data: bytes):
    """Decode CBOR that is written in the one way we write it: no trailing bytes, duplicate keys or longer forms."""
    try:
        value = cbor2.loads(data)
        same = cbor2.dumps(value) == data
    except cbor2.CBORError as error:  # also what cannot be written again: tags, cycles
        raise ValueError("not CBOR") from error
    if not same:
        raise ValueError("not in our encoding")
    return value
