"""The official divisions as one chooses them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declarations import divisions

CODES = st.sampled_from(sorted(divisions.names()))
PLACES = [
    (province, code)
    for province, _ in divisions.provinces()
    for _, rows in divisions.counties(province)
    for code, _ in rows
]


def test_liaoning_comes_first_and_abroad_last():
    assert divisions.provinces()[0] == (210000, "辽宁省")
    assert divisions.provinces()[-1] == (990000, "境外")
    assert len(divisions.provinces()) == 35


def test_liaoning_has_its_cities_and_counties():
    groups = divisions.counties(210000)
    assert [name for name, _ in groups][:3] == ["沈阳市", "大连市", "鞍山市"]
    assert len(groups) == 14
    assert sum(len(places) for _, places in groups) == 100
    assert groups[0][1][0] == (210102, "和平区")
    assert (210112, "浑南区") in groups[0][1]  # renamed in 2014


def test_there_are_about_as_many_counties_as_the_ministry_lists():
    assert len(PLACES) == len({code for _, code in PLACES}) == 2859


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (210102, "辽宁省沈阳市和平区"),
        (110105, "北京市朝阳区"),
        (419001, "河南省济源市"),
        (460400, "海南省儋州市"),
        (330113, "浙江省杭州市临平区"),
        (810000, "香港特别行政区"),
        (990000, "境外"),
        (123456, "123456"),
    ],
)
def test_full_name(code, name):
    assert divisions.full_name(code) == name


@pytest.mark.parametrize("code", [0, 1, 210000, 210100, 210199, 999999, 110100])
def test_what_is_no_place_cannot_be_chosen(code):
    assert not divisions.is_choice(code)


@given(st.sampled_from(PLACES))
def test_every_place_offered_can_be_chosen(place):
    province, code = place
    assert divisions.is_choice(code)
    assert divisions.province_of(code) == province
    assert divisions.full_name(code).startswith(divisions.names()[province])


@given(CODES)
def test_a_division_lies_in_its_prefecture_and_province(code):
    assert divisions.within(code) == (code, divisions.prefecture_of(code), divisions.province_of(code))
    assert divisions.province_of(divisions.prefecture_of(code)) == divisions.province_of(code)


@given(st.integers(0, 10**7))
def test_any_number_is_known_or_not(code):
    assert divisions.known(code) == (code in divisions.names())
    assert isinstance(divisions.full_name(code), str)
    assert not divisions.is_choice(code) or divisions.known(code)


def test_places_come_as_json_that_may_be_kept(client):
    response = client.get("/divisions/210000.json")
    assert response.json()[0] == ["沈阳市", [list(place) for place in divisions.counties(210000)[0][1]]]
    assert response["Cache-Control"] == "public, max-age=86400"
    assert "Cookie" not in response.get("Vary", "")
    assert len(response.content) < 4000


@pytest.mark.parametrize("province", [0, 210100, 999999, 10**12])
def test_unknown_province_is_not_found(client, province):
    assert client.get(f"/divisions/{province}.json").status_code == 404
