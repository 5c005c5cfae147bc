"""The token: what is signed is read, and nothing else."""

import base64
import json
from datetime import UTC, date, datetime, timedelta

import cbor2
import pytest
import zxingcpp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from healthpass.lib import qr
from passcodes import keys, tokens
from passcodes.colour import Colour
from passcodes.tokens import Verdict

AT = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
PASS = "00112233445566ff"


def new_key(kid="0a", not_before="2026-01-01", retired="") -> tokens.TokenKey:
    private = ec.generate_private_key(ec.SECP256R1())
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return tokens.parse_keys(f"{kid}:{not_before}:{retired}:{base64.b64encode(der).decode()}", 210000)[0]


KEY = new_key()


def sign(**changes) -> str:
    return tokens.sign(**{"pass_id": PASS, "colour": Colour.GREEN, "key": KEY, "at": AT, **changes})


def read(token, at=AT, ring=(KEY,)) -> tokens.Token:
    return tokens.read(token, ring, at)


def forge(header=None, claims=None, unprotected=None, key=KEY) -> str:
    """A well-signed message with content of one's choice."""
    protected = cbor2.dumps(header or {1: -7, 4: bytes.fromhex(KEY.kid)})
    payload = cbor2.dumps(claims or {4: int((AT + tokens.LIFE).timestamp()), -65537: [bytes.fromhex(PASS), 0, 0]})
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = decode_dss_signature(key.private.sign(signed, ec.ECDSA(hashes.SHA256())))
    message = cbor2.dumps([protected, unprotected or {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")])
    return base64.b32encode(message).decode().rstrip("=")


@pytest.mark.parametrize("colour", list(Colour))
def test_live_token_is_read_back(colour):
    token = read(sign(colour=colour))
    assert (token.verdict, token.pass_id, token.paper) == (Verdict.GENUINE, PASS, False)
    assert token.expires == AT + timedelta(seconds=90)


def test_size_is_what_the_qr_was_chosen_for():
    assert len(sign(colour=Colour.NEUTRAL)) == 162
    assert qr.svg_path(tokens.url("https://" + "x" * 20, sign()))[0] == 41  # version 6


def test_paper_token_carries_no_colour_and_does_not_expire():
    token = read(sign(colour=None), at=AT + timedelta(days=400))
    assert (token.verdict, token.pass_id, token.paper, token.expires) == (Verdict.GENUINE, PASS, True, None)


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0, "genuine"), (89, "genuine"), (90, "expired"), (86400, "expired"), (-60, "genuine"), (-61, "invalid")],
)
def test_life_of_a_token(seconds, verdict):
    assert read(sign(), at=AT + timedelta(seconds=seconds)).verdict == verdict


def test_every_flipped_bit_is_refused():
    message = base64.b32decode(sign() + "======")
    for bit in range(len(message) * 8):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        text = base64.b32encode(bytes(changed)).decode().rstrip("=")
        assert read(text).verdict in ("invalid", "unknown")


def test_key_that_we_do_not_have_is_unknown():
    assert read(sign(key=new_key("0b"))).verdict == "unknown"


def test_signature_of_another_key_under_our_kid_is_invalid():
    assert read(sign(key=new_key(KEY.kid))).verdict == "invalid"


def test_retired_key_lives_as_long_as_its_last_token():
    key = new_key(retired="2026-11-25")
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    assert key.signs(midnight - timedelta(seconds=1))
    assert not key.signs(midnight)
    token = tokens.sign(PASS, Colour.GREEN, key, midnight - timedelta(seconds=1))
    assert read(token, at=midnight + timedelta(seconds=80), ring=(key,)).verdict == "genuine"
    assert read(token, at=midnight + timedelta(seconds=90), ring=(key,)).verdict == "unknown"
    assert read(tokens.sign(PASS, None, key, midnight), at=AT, ring=(key,)).verdict == "unknown"


@pytest.mark.parametrize(
    "token",
    [
        forge(header={1: -8, 4: bytes.fromhex(KEY.kid)}),
        forge(header={1: -7}),
        forge(header={1: -7, 4: bytes.fromhex(KEY.kid), 2: [1]}),
        forge(unprotected={4: b"\x0a"}),
        forge(claims={-65537: [bytes.fromhex(PASS), 0, 0]}),
        forge(claims={4: 2**63, -65537: [bytes.fromhex(PASS), 0, 0]}),
        forge(claims={4: "x", -65537: [bytes.fromhex(PASS), 0, 0]}),
        forge(claims={4: 1, -65537: [bytes.fromhex(PASS), 0, 9]}),
        forge(claims={4: 1, -65537: [bytes.fromhex(PASS), 2, 0]}),
        forge(claims={4: 1, -65537: [b"short", 0, 0]}),
        forge(claims={4: 1, -65537: 5}),
        forge(claims={4: 1}),
        sign() + "A",
        sign()[:-1] + chr(ord(sign()[-1]) ^ 1),
        sign().lower(),
        "",
        "A",
        "A" * 4096,
        "1890",
        "é" * 20,
    ],
)
def test_what_we_do_not_write_is_invalid(token):
    assert read(token).verdict == "invalid"


@given(st.binary(max_size=101))
def test_random_bytes_never_raise(data):
    assert read(base64.b32encode(data).decode().rstrip("=")).verdict in ("invalid", "unknown")


@given(st.text(max_size=200))
def test_random_text_never_raises(text):
    assert read(tokens.extract(text)).verdict == "invalid"


def test_qr_of_a_token_is_read_by_a_camera():
    url = tokens.url("https://pass.example", sign())
    size, path = qr.svg_path(url)
    picture = Image.new("L", ((size + 8) * 8,) * 2, 255)
    pen = ImageDraw.Draw(picture)
    for stroke in path.split("M")[1:]:
        x, rest = stroke.split(" ")
        y, width = rest.split(".5h")
        left, top = (int(x) + 4) * 8, (int(y) + 4) * 8
        pen.rectangle((left, top, left + int(width) * 8 - 1, top + 7), fill=0)
    assert zxingcpp.read_barcode(picture).text == url == url.upper()


def test_two_keys_with_one_kid_are_refused():
    setting = keys.settings.TOKEN_KEYS
    with pytest.raises(ValueError, match="one kid"):
        tokens.parse_keys(f"{setting},{setting}", 210000)


def test_published_keys_check_a_token_without_us(client, settings):
    response = client.get("/.well-known/health-pass/keys.json")
    assert response.status_code == 200
    (jwk,) = json.loads(response.content)["keys"]
    assert "d" not in jwk
    assert (jwk["kty"], jwk["crv"], jwk["alg"], jwk["region"]) == ("EC", "P-256", "ES256", "210000")
    assert date.fromisoformat(jwk["not_before"])
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "="), "big") for name in "xy")
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    assert public.public_numbers() == keys.ring()[0].public.public_numbers()
