"""HEIC pictures, as iPhones take them, and what else is sent by that name."""

import resource
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from PIL import Image

from passcodes import faces, pictures
from passcodes.findings import Limits, PictureFinding
from passcodes.pictures import PictureError, inspect, load
from tests.passcodes.heic_files import heic
from tests.passcodes.people import hopper


def refusal(data):
    with pytest.raises(PictureError) as refused:
        load(data)
    return refused.value.finding


@cache
def portrait(**options):
    return heic(hopper(), **options)


def test_heic_is_read_upright_and_its_face_is_found():
    picture = load(portrait())
    assert (picture.mode, picture.size, picture.info) == ("RGB", (512, 576), {})
    difference = np.asarray(picture, float) - np.asarray(hopper().crop((0, 0, 512, 576)), float)
    assert np.abs(difference).mean() < 6
    assert faces.look(picture, Limits()).finding == "fine"
    assert load(portrait(), side=288).size == (256, 288)


def test_heic_in_tiles_is_read_whole():
    """As iPhones store it."""
    picture = load(heic(hopper(), tile=(256, 192)))
    assert picture.size == (512, 576)
    assert picture.tobytes() == load(portrait()).tobytes()


def test_heic_is_turned_as_the_camera_says():
    stored = load(portrait())
    for turns in range(4):
        picture = load(portrait(quarter_turns=turns))
        assert picture.tobytes() == stored.rotate(90 * turns, expand=True).tobytes(), turns


@pytest.mark.parametrize("size", [(30_000, 30_000), (5_000, 5_001), (2**32 - 1, 2**32 - 1)])
def test_heic_that_claims_too_many_pixels_is_refused_unopened(size):
    with pytest.raises(PictureError) as refused:
        inspect(portrait(claim=size))
    assert (refused.value.finding, refusal(portrait(claim=size))) == (PictureFinding.TOO_MANY_PIXELS,) * 2


def test_heic_of_a_strip_is_too_small():
    assert refusal(heic(Image.new("RGB", (320, 64)))) == PictureFinding.TOO_FEW_PIXELS


def test_heic_with_more_pixels_than_it_claims_is_refused():
    assert refusal(portrait(claim=(128, 128))) == PictureFinding.DAMAGED


@pytest.mark.parametrize("share", [0.0002, 0.0007, 0.01, 0.5, 0.999])
def test_heic_cut_short_is_refused(share):
    data = portrait()
    assert refusal(data[: max(int(len(data) * share), 12)]) == PictureFinding.DAMAGED


def test_heic_with_changed_bytes_ends_in_words():
    random = np.random.default_rng(4)
    for _ in range(8):
        data = bytearray(portrait())
        for place in random.integers(24, 600, 6):
            data[place] = random.integers(256)
        try:
            assert max(load(bytes(data)).size) <= 640
        except PictureError as error:
            assert error.finding in PictureFinding


def test_header_of_boxes_within_boxes_takes_no_time():
    box = b"\0\0\0\x08meta" * 200_000
    assert refusal(portrait()[:20] + box) == PictureFinding.DAMAGED


def test_heic_of_more_tiles_than_cameras_make_is_refused_unopened():
    """Small files can name one tile again and again, and each time it is decoded."""
    data = heic(Image.new("RGB", (480, 448)), tile=(32, 32))
    with pytest.raises(PictureError) as refused:
        inspect(data)
    assert refused.value.finding == PictureFinding.DAMAGED
    assert load(heic(Image.new("RGB", (320, 640)), tile=(32, 32))).size == (320, 640)


def test_heic_is_left_to_the_worker():
    with pytest.raises(pictures.HeicNotTaken):
        load(portrait(), heic_too=False)
    assert pictures.heic.SECONDS <= 3 and pictures.heic.WAIT <= 5


def test_heic_decoder_may_not_take_more_memory_than_it_is_given():
    assert pictures.heic.MEMORY <= 400_000_000

    def exit_code(memory):
        command = [sys.executable, "-I", str(pictures.heic.DECODER), "640", memory, "8"]
        return subprocess.run(command, input=portrait(), capture_output=True, env={}).returncode

    assert exit_code("400000000") == 0
    assert exit_code("40000000") != 0


def test_heic_decoder_gets_nothing_of_our_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FIELD_KEYS", "secret")
    program = tmp_path / "decoder.py"
    program.write_text("import os, sys; open(sys.argv[0] + '.seen', 'w').write(str('FIELD_KEYS' in os.environ))")
    monkeypatch.setattr(pictures.heic, "DECODER", program)
    assert refusal(portrait()) == PictureFinding.DAMAGED
    assert (tmp_path / "decoder.py.seen").read_text() == "False"


def test_heic_decoder_that_hangs_is_stopped(monkeypatch, tmp_path):
    program = tmp_path / "decoder.py"
    program.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(pictures.heic, "DECODER", program)
    monkeypatch.setattr(pictures.heic, "WAIT", 0.3)
    assert refusal(portrait()) == PictureFinding.DAMAGED


@pytest.mark.parametrize("reads", ["sys.stdin.buffer.read()", "None"])
def test_heic_decoder_that_writes_without_end_is_stopped(monkeypatch, tmp_path, reads):
    program = tmp_path / "decoder.py"
    program.write_text(f"import sys; {reads}\nwhile True: sys.stdout.buffer.write(bytes(1_000_000))")
    monkeypatch.setattr(pictures.heic, "DECODER", program)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(portrait()) == PictureFinding.DAMAGED
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
