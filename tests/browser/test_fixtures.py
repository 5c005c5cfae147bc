"""The fixtures themselves: a fault is noticed, a film is seen by the camera."""

import base64
import io

import pytest
import zxingcpp
from PIL import Image

SEE = """async () => {
  const video = document.createElement("video");
  video.srcObject = await navigator.mediaDevices.getUserMedia({video: true});
  await video.play();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.toDataURL("image/png");
}"""


def test_console_errors_and_csp_violations_are_noticed(phone, faults):
    phone.goto("/")
    phone.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    phone.evaluate("console.error('planted')")
    phone.wait_for_timeout(100)
    assert any("Content Security Policy" in fault for fault in faults.found)
    assert "console: planted" in faults.found
    faults.ignore("Content Security Policy")
    faults.ignore("planted")
    assert faults.unexpected() == []


def test_missing_file_is_noticed(phone, faults):
    phone.goto("/nowhere/")
    assert any("404" in fault for fault in faults.found)
    faults.ignore("404")


def test_camera_sees_the_film(phone, camera_phone, film):
    barcode = zxingcpp.create_barcode("HTTPS://PASS.EXAMPLE.CN/C/TEST", zxingcpp.BarcodeFormat.QRCode)
    png = io.BytesIO()
    Image.fromarray(barcode.to_image(scale=8)).save(png, "PNG")
    scanner = camera_phone(film(png.getvalue()))
    scanner.goto("/")
    header, _, data = scanner.evaluate(SEE).partition(",")
    assert header == "data:image/png;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.size == (640, 480)
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == ["HTTPS://PASS.EXAMPLE.CN/C/TEST"]


def test_inaccessible_page_is_named(phone, check_accessibility):
    phone.goto("/")
    phone.evaluate("document.querySelector('main').append(document.createElement('input'))")
    with pytest.raises(AssertionError, match="label: Form elements must have labels"):
        check_accessibility(phone)
