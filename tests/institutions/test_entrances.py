"""Entrances in the console: added, renamed, taken out of use."""

from accounts.models import AuditEntry
from institutions.models import Entrance
from tests import factories

ADD = "/console/institutions/entrance/add/"


def change(entrance):
    return f"/console/institutions/entrance/{entrance.pk}/change/"


def test_added_entrance_belongs_to_the_institution_and_is_written_down(school):
    response = school.client.post(ADD, {"name": "西门", "is_active": "on"}, follow=True)
    assert response.redirect_chain[-1][0] == "/console/institutions/entrance/"
    added = Entrance.objects.get(name="西门")
    assert (added.institution, added.is_active) == (school.institution, True)
    entry = AuditEntry.objects.get(subject=f"entrance:{added.pk}")
    assert (entry.action, entry.actor) == ("add-entrance", school.admin)


def test_same_name_twice_is_refused_also_out_of_use(school, factory):
    response = school.client.post(ADD, {"name": "东门"})
    assert response.status_code == 200
    assert "already exists" in response.content.decode()
    school.client.post(ADD, {"name": factory.entrance.name, "is_active": "on"})
    assert Entrance.objects.filter(name=factory.entrance.name).count() == 2


def test_renaming_and_taking_out_of_use_say_which_fields_changed(school):
    school.client.post(change(school.entrance), {"name": "正门"})
    school.entrance.refresh_from_db()
    assert (school.entrance.name, school.entrance.is_active) == ("正门", False)
    entry = AuditEntry.objects.get(subject=f"entrance:{school.entrance.pk}")
    assert (entry.action, entry.detail) == ("change-entrance", {"fields": ["name", "is_active"]})


def test_institution_of_an_entrance_cannot_be_changed(school, factory):
    school.client.post(
        change(school.entrance), {"name": "东门", "is_active": "on", "institution": factory.institution.pk}
    )
    school.entrance.refresh_from_db()
    assert school.entrance.institution == school.institution


def test_history_shows_who_did_what(school):
    school.client.post(change(school.entrance), {"name": "正门", "is_active": "on"})
    text = school.client.get(f"/console/institutions/entrance/{school.entrance.pk}/history/").content.decode()
    assert "Changed" in text
    assert "138****0003" in text


def test_list_takes_the_same_queries_with_one_and_three_rows(school, django_assert_num_queries):
    queries = 5  # session, account, second factor, institutions; count and rows
    with django_assert_num_queries(queries + 1):
        school.client.get("/console/institutions/entrance/")
    for name in ("西门", "南门"):
        factories.entrance(institution=school.institution, name=name)
    with django_assert_num_queries(queries + 1):
        school.client.get("/console/institutions/entrance/")


def test_in_use_filter(school):
    Entrance.objects.create(institution=school.institution, name="旧门", is_active=False)
    pages = {value: school.client.get(f"/console/institutions/entrance/?in_use={value}") for value in ("yes", "no")}
    assert [entrance.name for entrance in pages["yes"].context["cl"].result_list] == ["东门"]
    assert [entrance.name for entrance in pages["no"].context["cl"].result_list] == ["旧门"]
