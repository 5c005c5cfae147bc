"""What a granted appeal frees: the fact and its copies in the next lists, and no other fact that is true."""

from datetime import timedelta

import pytest
from django.utils import timezone

from declarations.models import Declaration
from passcodes import appeals
from passcodes.models import Appeal, RiskArea
from tests import factories
from tests.passcodes.appeals.steps import WORDS, colour, decide, file, form_address, reasons

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HEPING, SHENHE, SHENYANG = 210102, 210103, 210100


@pytest.fixture
def source():
    return factories.risk_source()


@pytest.fixture
def area(source):
    """An area as a list of the source, or of another one, says it is."""

    def sent(source=source, **fields) -> RiskArea:
        made = factories.risk_area(starts_on=timezone.localdate() - 5 * DAY, **fields)
        batch = factories.risk_batch(source=source, kind="areas", way="push")
        RiskArea.objects.filter(pk=made.pk).update(batch=batch)
        made.refresh_from_db()
        return made

    return sent


def moves_to(code, division, hours=0) -> None:
    made_at = timezone.now() + timedelta(hours=hours)
    factories.declaration(person=code.person, account=code.person.holder, division=division, made_at=made_at)


def grant(code, holder, judge, claim="was_not_there") -> None:
    decide(file(code, holder, claim=claim), judge)


def test_the_next_lists_stay_covered_and_an_earlier_end_too(holder, code, area, judge):
    area()
    grant(code, holder, judge)
    area()
    area(ends_on=timezone.localdate() - DAY)
    assert colour(code) == "green"


def test_an_area_that_lasts_longer_than_what_was_disputed_is_a_reason_of_its_own(own, holder, code, area, judge):
    area(ends_on=timezone.localdate() - 2 * DAY)
    grant(code, holder, judge, claim="already_ended")
    area(ends_on=timezone.localdate() - 2 * DAY)
    assert colour(code) == "green"
    area(ends_on=timezone.localdate())
    assert colour(code) == "red"
    own.post(form_address(code), {"claim": "other", "text": WORDS})
    assert list(Appeal.objects.order_by("pk").values_list("state", flat=True)) == ["granted", "waiting"]


def test_a_stay_that_was_over_is_covered_however_long_the_area_lasts(holder, code, area, judge):
    factories.stay(declaration=code.person.declarations.get(), division=110105, days_ago=3)
    area(division=110105, ends_on=timezone.localdate() - DAY)
    grant(code, holder, judge)
    area(division=110105)
    assert colour(code) == "green"


def test_the_same_area_of_another_source_is_a_reason_of_its_own(holder, code, area, judge):
    area()
    grant(code, holder, judge)
    area(source=factories.risk_source(slug="city", name="市疾控"))
    assert colour(code) == "red"


def test_who_moves_away_and_back_lives_there(own, holder, code, area, judge):
    Declaration.objects.update(made_at=timezone.now() - 2 * HOUR)
    area()
    grant(code, holder, judge)
    moves_to(code, HEPING)
    assert colour(code) == "green"
    moves_to(code, SHENHE, 1)
    moves_to(code, HEPING, 2)
    assert colour(code) == "red"
    own.post(form_address(code), {"claim": "other", "text": WORDS})
    assert list(Appeal.objects.order_by("pk").values_list("state", flat=True)) == ["granted", "waiting"]


def test_where_somebody_lived_before_the_area_began_does_not_matter(holder, code, area, judge):
    Declaration.objects.update(division=SHENHE, made_at=timezone.now() - 9 * DAY)
    moves_to(code, HEPING)
    area()
    grant(code, holder, judge)
    Declaration.objects.filter(division=SHENHE).delete()  # as retention does
    assert colour(code) == "green"


def test_who_moves_inside_a_city_that_is_an_area_has_another_address(holder, code, area, judge):
    area(division=SHENYANG)
    grant(code, holder, judge)
    moves_to(code, HEPING)
    assert colour(code) == "green"
    moves_to(code, SHENHE, 1)
    assert colour(code) == "red"


@pytest.mark.parametrize(("division", "days"), [(SHENHE, 1), (HEPING, 2)])
def test_of_two_stays_that_end_together_one_is_freed(holder, code, area, judge, division, days):
    made = code.person.declarations.get()
    Declaration.objects.update(division=110105)
    kept = factories.stay(declaration=made, division=HEPING, days_ago=2)
    area(division=SHENYANG)
    grant(code, holder, judge)
    kept.pk, kept.division, kept.from_on = None, division, kept.to_on - (days - 1) * DAY
    kept.save()
    assert colour(code) == "red"


def test_a_declared_stay_is_freed_when_it_is_declared_again_and_no_longer_one(holder, code, judge):
    made = code.person.declarations.get()
    kept = factories.stay(declaration=made, kind="contact", days_ago=2)
    grant(code, holder, judge)
    again = factories.declaration(person=code.person, account=holder)
    kept.pk, kept.declaration = None, again
    kept.save()
    assert colour(code) == "green"
    kept.pk, kept.from_on = None, kept.from_on - 3 * DAY
    kept.save()
    assert colour(code) == "yellow"


def test_a_record_that_lasts_longer_than_what_was_disputed_is_a_finding_of_its_own(own, holder, code, source, judge):
    now = timezone.now()
    values = {"category": "close_contact", "office": "省疾控中心", "starts_at": now - DAY}
    listed = [factories.risk_batch(source=source, way="push") for _number in range(4)]
    factories.risk_record(batch=listed[0], ends_at=now + 2 * DAY, **values)
    grant(code, holder, judge, claim="already_ended")
    factories.risk_record(batch=listed[1], ends_at=now + 2 * DAY, **values)
    factories.risk_record(batch=listed[2], ends_at=now + DAY, **values)
    assert colour(code) == "green"
    factories.risk_record(batch=listed[3], ends_at=now + 14 * DAY, **values)
    assert colour(code) == "red"
    own.post(form_address(code), {"claim": "other", "text": WORDS})
    assert list(Appeal.objects.order_by("pk").values_list("state", flat=True)) == ["granted", "waiting"]


def test_not_me_covers_the_longer_record_of_the_same_source(holder, code, source, judge):
    now = timezone.now()
    for days in (2, 14):
        batch = factories.risk_batch(source=source, way="push")
        factories.risk_record(
            batch=batch, category="close_contact", starts_at=now - DAY, ends_at=now + days * DAY, office="省疾控中心"
        )
        if days == 2:
            grant(code, holder, judge, claim="not_me")
    assert colour(code) == "green"


def test_as_long_as_it_waits_an_appeal_holds_for_the_list_that_puts_the_end_later(holder, code, source):
    """Else whoever is late would only have to send another end."""
    now = timezone.now()
    values = {"category": "secondary_contact", "starts_at": now - DAY, "office": "省疾控中心"}
    factories.risk_record(batch=factories.risk_batch(source=source, way="push"), ends_at=now + 2 * DAY, **values)
    filed = file(code, holder)
    factories.risk_record(batch=factories.risk_batch(source=source, way="push"), ends_at=now + 9 * DAY, **values)
    with pytest.raises(appeals.AlreadyAppealed):
        file(code, holder)
    assert (colour(code), colour(code, filed.due_at)) == ("yellow", "neutral")
    assert len(reasons(code)) == 2
