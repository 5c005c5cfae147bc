"""Faces: what a photo shows, whether two are one person's, whether a live person did as asked."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from passcodes import faces
from passcodes.faces import Frame
from passcodes.findings import (
    DEFAULT_LIMITS,
    Limits,
    LiveFinding,
    Match,
    Movement,
    PhotoFinding,
    challenges,
)
from tests.passcodes.people import SIDE, astronaut, close, file, held, hopper, lively, turned

LEFT, RIGHT = Movement.LEFT, Movement.RIGHT
CHALLENGE = (LEFT, RIGHT)
TURNS = (0, 0.4, 1, 0.3, 0, -0.5, -1)  # left, then right


def look(picture):
    return faces.look(picture, DEFAULT_LIMITS).finding


def face(picture):
    return faces.find(picture, DEFAULT_LIMITS)[0]


def encoding(picture):
    return faces.encode(face(picture))


@cache
def photo(who=astronaut):
    """From another moment than any frame."""
    return lively(turned(who, -0.25), 99, light=0.85)


@cache
def moving(who=astronaut, turns=TURNS):
    """A live head, one picture for each turn."""
    return tuple(lively(turned(who, amount), number) for number, amount in enumerate(turns))


def judge(pictures, challenge=CHALLENGE, *, of=None, times=None, limits=DEFAULT_LIMITS):
    times = times or [1 + 0.3 * number for number in range(len(pictures))]
    frames = [Frame(picture, at) for picture, at in zip(pictures, times, strict=True)]
    return faces.judge_live(of or photo(), frames, challenge, limits)


def test_two_pictures_of_each_part_are_enough_at_ones_own_pace():
    amounts = [0, 1, 0, -1, 0, 1, 0]
    turns = tuple(amount for amount in amounts for _number in range(2))
    times = [1 + 16 * part + 0.3 * number for part in range(len(amounts)) for number in range(2)]
    verdict = judge(moving(turns=turns), (LEFT, RIGHT, LEFT), times=times)
    assert (verdict.finding, verdict.movements) == (LiveFinding.PASSED, (LEFT, RIGHT, LEFT))


# Photos


@pytest.mark.parametrize("who", [astronaut, hopper])
def test_good_photo_is_fine(who):
    found = faces.look(faces.load(file(who())), DEFAULT_LIMITS)
    assert (found.finding, found.face_count) == (PhotoFinding.FINE, 1)
    assert abs(found.roll) < 5
    assert abs(found.yaw) < 0.05


@pytest.mark.parametrize(
    ("picture", "finding"),
    [
        (lambda: Image.new("RGB", (640, 480), "white"), PhotoFinding.NO_FACE),
        (lambda: Image.fromarray(skimage.data.coffee()), PhotoFinding.NO_FACE),
        (lambda: Image.new("RGB", (640, 480)), PhotoFinding.TOO_DARK),
        (lambda: beside(close(astronaut), close(hopper)), PhotoFinding.SEVERAL),
        (lambda: close(hopper).resize((160, 160)), PhotoFinding.TOO_SMALL),
        (lambda: close(hopper).rotate(38, Image.Resampling.BICUBIC), PhotoFinding.TILTED),
        (lambda: ImageEnhance.Brightness(close(hopper)).enhance(0.3), PhotoFinding.TOO_DARK),
        (lambda: ImageEnhance.Brightness(close(hopper)).enhance(2.0), PhotoFinding.TOO_BRIGHT),
        (lambda: close(astronaut).filter(ImageFilter.GaussianBlur(2.5)), PhotoFinding.BLURRED),
    ],
    ids=["white", "cup", "black", "two", "small", "tilted", "dark", "bright", "blurred"],
)
def test_photo_that_cannot_be_used_is_named(picture, finding):
    assert look(picture()) == finding


def test_half_hidden_face_is_unclear_or_not_found():
    hidden = close(astronaut).copy()
    ImageDraw.Draw(hidden).rectangle((90, 150, 230, 230), fill=(90, 130, 160))
    assert look(hidden) in (PhotoFinding.UNCLEAR, PhotoFinding.NO_FACE)


def test_people_far_behind_do_not_count():
    picture = beside(close(astronaut).resize((640, 640)), close(hopper).resize((240, 240)))
    assert look(picture) == PhotoFinding.FINE


def beside(*pictures):
    row = Image.new("RGB", (sum(picture.width for picture in pictures), max(picture.height for picture in pictures)))
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width
    return row


def test_limits_decide():
    assert faces.look(close(astronaut), Limits(photo_height=130)).finding == PhotoFinding.TOO_SMALL
    assert faces.look(close(astronaut), Limits(sharpness=1000)).finding == PhotoFinding.BLURRED


# One person or two


@pytest.mark.parametrize("who", [astronaut, hopper])
def test_changed_copies_are_the_same_person(who):
    own = encoding(close(who))
    for changed in (photo(who), lively(turned(who, -0.6), 3), close(who).convert("L").convert("RGB")):
        assert faces.same_person(faces.distance(own, encoding(changed)), DEFAULT_LIMITS) == Match.SAME


def test_two_people_are_not():
    apart = faces.distance(encoding(close(astronaut)), encoding(close(hopper)))
    assert 0.6 < apart < 0.8
    assert faces.same_person(apart, DEFAULT_LIMITS) == Match.OTHER


@pytest.mark.parametrize(("apart", "match"), [(0.45, "same"), (0.451, "unsure"), (0.55, "unsure"), (0.551, "other")])
def test_distances_at_the_thresholds(apart, match):
    assert faces.same_person(apart, DEFAULT_LIMITS) == match


# Turns


def points(nose_x):
    return np.array([(60, 0), (40, 0), (-60, 0), (-40, 0), (nose_x, 60)], float)


def test_yaw_is_the_nose_along_the_line_of_the_eyes():
    assert faces.yaw(points(0)) == 0
    assert faces.yaw(points(20)) == pytest.approx(0.2)
    assert faces.yaw(points(-20)) == pytest.approx(-0.2)


@pytest.mark.parametrize("degrees", [-30, 12, 45])
def test_yaw_is_the_same_however_the_picture_lies(degrees):
    angle = np.radians(degrees)
    rolled = 0.7 * points(20) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + (300, 50)
    assert faces.yaw(rolled) == pytest.approx(0.2)


@pytest.mark.parametrize("who", [astronaut, hopper])
def test_made_turns_move_the_yaw_and_keep_the_person(who):
    ahead, left, right = (face(lively(turned(who, amount), 5)) for amount in (0, 1, -1))
    assert faces.yaw(left.points) - faces.yaw(ahead.points) > 0.1
    assert faces.yaw(right.points) - faces.yaw(ahead.points) < -0.1
    for turn in (left, right):
        assert faces.distance(faces.encode(turn), faces.encode(ahead)) < 0.42


@pytest.mark.parametrize(
    ("yaws", "turns"),
    [
        ([0, 0.02, -0.03, 0.05], []),
        ([0, 0.1, 0.2, 0.1, 0], [(LEFT, 2)]),
        ([0.05, 0.1, 0.2, 0.0, -0.1], [(LEFT, 2), (RIGHT, 4)]),
        ([0, -0.1, -0.04, -0.12, 0], [(RIGHT, 3)]),
        ([0, -0.1, 0.01, -0.12, 0], [(RIGHT, 1), (RIGHT, 3)]),
        ([0, 0.2, -0.2, 0.2], [(LEFT, 1), (RIGHT, 2), (LEFT, 3)]),
    ],
    ids=["still", "left", "left and right", "wavering", "twice", "without a stop"],
)
def test_turns_are_counted_from_the_first_frame(yaws, turns):
    assert faces.movements(yaws, DEFAULT_LIMITS) == turns


def test_challenges_ask_for_both_sides():
    assert len(challenges()) == 6
    assert all({LEFT, RIGHT} == set(challenge) for challenge in challenges())
    assert challenges(2) == ((LEFT, RIGHT), (RIGHT, LEFT))


# The live check


def test_live_person_who_did_as_asked_passes():
    verdict = judge(moving())
    assert (verdict.finding, verdict.movements, verdict.frame) == (LiveFinding.PASSED, CHALLENGE, None)
    assert verdict.nearest in (0, 1, 3, 4, 5)  # not the furthest of a turn
    assert verdict.passed
    assert verdict.distance < 0.3


def test_longer_challenge_of_another_person_passes():
    pictures = moving(hopper, (0, -0.9, 0.1, 0.9, 0, 1, 0))
    assert judge(pictures, (RIGHT, LEFT, LEFT), of=photo(hopper)).finding == LiveFinding.PASSED


def test_frames_saved_as_small_jpegs_pass():
    assert judge([faces.load(file(picture, quality=70), side=SIDE) for picture in moving()]).passed


def test_slow_camera_that_gives_a_frame_twice_passes():
    pictures = [again for picture in moving() for again in (picture, faces.load(file(picture, quality=85)))]
    assert judge(pictures).passed


def test_photo_of_another_person_does_not_match():
    verdict = judge(moving(), of=photo(hopper))
    assert verdict.finding == LiveFinding.NO_MATCH
    assert verdict.distance > DEFAULT_LIMITS.unsure


def test_middling_distance_is_tried_again():
    assert judge(moving(), limits=Limits(same=0.01)).finding == LiveFinding.UNSURE


@pytest.mark.parametrize(
    ("turns", "challenge", "finding"),
    [
        ((0, 0.1, -0.1, 0, 0.1), CHALLENGE, LiveFinding.NOT_TURNED),
        ((0, 0.5, 1, 0.4, 0), CHALLENGE, LiveFinding.MISSING_MOVEMENT),
        (TURNS, (LEFT, RIGHT, LEFT), LiveFinding.MISSING_MOVEMENT),
        (TURNS, (RIGHT, LEFT), LiveFinding.WRONG_ORDER),
        (TURNS, (RIGHT, RIGHT, LEFT), LiveFinding.WRONG_ORDER),
        ((0, 1, 0, -1, 0, 1, 0), CHALLENGE, LiveFinding.WRONG_ORDER),
    ],
    ids=["still", "one turn", "a turn short", "reversed", "replayed", "one too many"],
)
def test_movements_must_be_those_asked_for(turns, challenge, finding):
    assert judge(moving(turns=turns), challenge).finding == finding


def test_print_moved_and_turned_in_its_plane_is_no_turn():
    moves = [(0, (0, 0)), (8, (12, 0)), (-9, (-14, 5)), (15, (20, -8)), (-15, (-20, 6)), (3, (5, 10))]
    pictures = [lively(held(astronaut, roll=roll, shift=shift), n) for n, (roll, shift) in enumerate(moves)]
    assert judge(pictures).finding == LiveFinding.NOT_TURNED


def test_print_swivelled_and_tipped_is_flat():
    """Its landmarks move as those of a turned head: only the pixels show that it is a plane."""
    poses = [(0, 0), (-15, -10), (-35, -20), (-15, -10), (0, 0), (15, -10), (35, -20)]
    pictures = [lively(held(astronaut, swivel, tip), n) for n, (swivel, tip) in enumerate(poses)]
    yaws = [faces.yaw(face(picture).points) for picture in pictures]
    seen = tuple(movement for movement, _ in faces.movements(yaws, DEFAULT_LIMITS))
    assert seen == CHALLENGE
    verdict = judge(pictures, seen)
    assert (verdict.finding, verdict.frame) == (LiveFinding.FLAT, 2)


@pytest.mark.parametrize("who", [astronaut, hopper])
def test_planes_and_turned_heads_are_told_apart(who):
    first = face(lively(close(who), 50))

    def likeness(picture):
        other = face(lively(picture, 51, light=0.85))
        return faces.likeness(first.picture, first.points, other.picture, other.points)

    poses = [(25, 0, 10), (-25, 0, 0), (35, -15, 0), (-35, -15, 0), (-30, 15, 0), (20, 15, -15)]
    prints = [held(who, *pose) for pose in poses]
    prints += [glaring(picture) for picture in prints] + [lit_askew(picture) for picture in prints]
    assert min(map(likeness, prints)) > DEFAULT_LIMITS.flat + 0.02
    assert max(likeness(turned(who, amount)) for amount in (1, -1, 0.8, -0.8)) < DEFAULT_LIMITS.flat - 0.01


def glaring(picture):
    """A lamp's reflection beside the nose."""
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((95, 90, 165, 190), fill=90)
    glare = picture.copy()
    glare.paste("white", mask=mask.filter(ImageFilter.GaussianBlur(15)))
    return glare


def lit_askew(picture):
    """Nearly twice as bright on one side as on the other."""
    light = np.linspace(0.7, 1.3, picture.width)[None, :, None]
    return Image.fromarray((np.asarray(picture) * light).clip(0, 255).astype("uint8"))


def test_still_frame_repeated_is_refused():
    still = lively(close(astronaut), 0)
    assert judge([still] * 7).finding == LiveFinding.REPEATED
    assert judge([faces.load(file(still, quality=q)) for q in range(78, 92, 2)]).finding == LiveFinding.REPEATED


def test_three_stills_shown_in_turn_are_refused():
    ahead, left, right = moving(turns=(0, 1, -1))
    assert judge([ahead, ahead, left, left, ahead, ahead, right]).finding == LiveFinding.REPEATED
    assert judge([ahead, ahead, left, left, right, right]).finding == LiveFinding.REPEATED


def test_frames_of_two_people_are_refused():
    pictures = [*moving()[:5], *moving(hopper)[5:]]
    verdict = judge(pictures)
    assert (verdict.finding, verdict.frame) == (LiveFinding.ANOTHER_PERSON, 5)


def test_other_person_between_the_turns_is_refused():
    pictures = list(moving())
    pictures[3] = lively(close(hopper), 60)
    assert judge(pictures).finding == LiveFinding.ANOTHER_PERSON


def test_second_face_and_lost_face_are_named_with_their_frame():
    pictures = list(moving())
    pictures[2] = beside(close(astronaut), close(hopper))
    assert (judge(pictures).finding, judge(pictures).frame) == (LiveFinding.SEVERAL, 2)
    pictures[2] = Image.new("RGB", (SIDE, SIDE), "grey")
    assert (judge(pictures).finding, judge(pictures).frame) == (LiveFinding.LOST, 2)


def test_photo_that_is_one_of_the_frames_is_refused():
    for copy in (moving()[0], faces.load(file(moving()[4].resize((600, 600)), quality=60))):
        assert judge(moving(), of=copy).finding == LiveFinding.COPIED


def test_photo_must_be_good():
    verdict = judge(moving(), of=beside(close(astronaut), close(hopper)))
    assert (verdict.finding, verdict.quality) == (LiveFinding.PHOTO, PhotoFinding.SEVERAL)


def test_first_frame_must_be_good():
    pictures = list(moving())
    pictures[0] = pictures[0].filter(ImageFilter.GaussianBlur(2))
    verdict = judge(pictures)
    assert (verdict.finding, verdict.quality) == (LiveFinding.START, PhotoFinding.BLURRED)
    begins_turned = judge(moving(turns=(1.1, 0, -1, 0, 1)))
    assert (begins_turned.finding, begins_turned.quality) == (LiveFinding.START, PhotoFinding.UNCLEAR)


@pytest.mark.parametrize(
    ("times", "finding", "frame"),
    [
        ([1, 2, 3, 2.5, 4, 5, 6], LiveFinding.OUT_OF_ORDER, 3),
        ([1, 2, 2, 3, 4, 5, 6], LiveFinding.OUT_OF_ORDER, 2),
        ([-1, 2, 3, 4, 5, 6, 7], LiveFinding.OUT_OF_ORDER, 0),
        ([1, float("nan"), 3, 4, 5, 6, 7], LiveFinding.OUT_OF_ORDER, 1),
        ([1, 2, 3, 4, 5, 6, 120.1], LiveFinding.TOO_LATE, 6),
    ],
    ids=["swapped", "same time", "before the challenge", "no number", "after two minutes"],
)
def test_frames_out_of_time_are_refused_unseen(times, finding, frame):
    blank = Image.new("RGB", (SIDE, SIDE))
    verdict = judge([blank] * 7, times=times)
    assert (verdict.finding, verdict.frame) == (finding, frame)


@pytest.mark.parametrize(
    ("count", "finding"),
    [
        (0, LiveFinding.TOO_FEW_FRAMES),
        (4, LiveFinding.TOO_FEW_FRAMES),
        (41, LiveFinding.TOO_MANY_FRAMES),
        (100, LiveFinding.TOO_MANY_FRAMES),
    ],
)
def test_number_of_frames_is_bounded(count, finding):
    assert judge([Image.new("RGB", (SIDE, SIDE))] * count).finding == finding


def test_of_many_frames_the_deciding_ones_are_compared():
    assert faces._sample(7, [2, 6], 20) == [0, 1, 2, 3, 4, 5, 6]
    chosen = faces._sample(40, [11, 33], 20)
    assert len(chosen) == 20
    assert {0, 11, 33} < set(chosen)


# The process

THREADS = """
import threading
from passcodes import faces
from passcodes.findings import DEFAULT_LIMITS
from tests.passcodes.people import close, hopper

pictures = [close(hopper).resize((side, side)) for side in (300, 330, 360, 400)]
def boxes(picture):
    face, = faces.find(picture, DEFAULT_LIMITS)
    return face.box
alone = [boxes(picture) for picture in pictures]
wrong = []
def work(first):
    for number in range(15):
        index = (first + number) % len(pictures)
        if boxes(pictures[index]) != alone[index]:
            wrong.append(index)
threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("wrong", wrong)
"""


def test_threads_take_turns():
    """Without the lock, processes crash or answer wrongly, sooner or later."""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", THREADS], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "wrong []\n"), run.stderr


WEB = """
import sys, healthpass.wsgi, healthpass.hot_urls, passcodes.face_checks
from django.core.management import call_command
from django.urls import get_resolver

def walk(patterns):
    for pattern in patterns:
        walk(pattern.url_patterns) if hasattr(pattern, "url_patterns") else pattern.callback

walk(get_resolver().url_patterns)
call_command("check")
face_code = {"dlib", "face_recognition", "numpy", "pi_heif", "passcodes.tasks", "passcodes.faces"}
print(sorted(face_code & set(sys.modules)))
"""


def test_web_processes_do_not_load_face_code():
    run = subprocess.run([sys.executable, "-c", WEB], capture_output=True, text=True)
    assert (run.returncode, run.stdout.splitlines()[-1:]) == (0, ["[]"]), run.stderr
