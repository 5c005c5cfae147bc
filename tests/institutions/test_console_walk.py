"""Nothing of another institution can be reached in the console: every model, page, filter, action and search."""

import pytest
from django.contrib.admin import ModelAdmin, site
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse

from accounts.models import AuditEntry
from institutions.console import ConsoleSite, ScopedAdmin, console
from institutions.models import Entrance, Membership, Scanner
from scanning.models import Scan

MODELS = sorted(console._registry, key=lambda model: model._meta.label)
IDS = [model._meta.label_lower for model in MODELS]
each_model = pytest.mark.parametrize("model", MODELS, ids=IDS)


def row(house, model):
    """The institution's row of a model. A model that is new to the console belongs in here."""
    return {Entrance: house.entrance, Scanner: house.scanner, Scan: house.scan}[model]


def address(model, page, *args):
    return reverse(f"console:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def assert_nothing_of(house, response):
    text = response.content.decode()
    assert [trace for trace in house.traces if trace in text] == []


def assert_nothing_of_but_typed(house, response):
    """Like `assert_nothing_of`; the scan's id was in the address already."""
    text = response.content.decode()
    assert [trace for trace in house.traces if trace in text and trace != str(house.scan.pk)] == []


def state(house):
    """What must not change."""
    return [
        list(rows.order_by("pk").values())
        for rows in (
            Entrance.objects.filter(institution=house.institution),
            Membership.objects.filter(institution=house.institution),
            Scan.objects.filter(institution=house.institution),
        )
    ]


def test_console_takes_scoped_admins_only():
    with pytest.raises(ImproperlyConfigured):
        ConsoleSite(name="other").register(Entrance, ModelAdmin)
    assert all(isinstance(admin, ScopedAdmin) for admin in console._registry.values())
    assert site.name == "admin"


def test_first_page_shows_the_own_institution(school, factory):
    response = school.client.get("/console/")
    assert_nothing_of(factory, response)
    text = response.content.decode()
    assert "<h1>沈阳市第一中学</h1>" in text
    assert "<b>1</b> scans today" in text
    assert "东门" in text and "张**" in text and "138****0001" in text


@each_model
def test_list_shows_own_rows_only(school, factory, model):
    response = school.client.get(address(model, "changelist"))
    assert response.status_code == 200
    assert_nothing_of(factory, response)
    assert response.context["cl"].result_count == 1
    assert list(response.context["cl"].result_list) == [row(school, model)]


@each_model
def test_list_without_rows_says_what_to_do(school, model):
    Scan.objects.all().delete()
    Membership.objects.filter(role="scanner").delete()
    Entrance.objects.all().delete()
    words = {
        Entrance: "Add the doors where codes are scanned.",
        Scanner: "Add the people who scan for you by their phone numbers.",
        Scan: "No scans yet.",
    }[model]
    text = school.client.get(address(model, "changelist")).text
    assert f'<p class="empty">{words}' in text and "0 entries" not in text
    parameter = "outcome" if model is Scan else "state" if model is Scanner else "in_use"
    filtered = school.client.get(address(model, "changelist"), {parameter: "x"}).text
    assert words not in filtered and "Nothing fits." in filtered


@each_model
def test_every_page_of_anothers_row_is_not_there(school, factory, model):
    before, pk = state(factory), row(factory, model).pk
    own, seen = row(school, model).pk, 0
    for url in console.get_model_admin(model).get_urls():
        if "object_id" not in url.pattern.converters or not url.name:
            continue
        page = url.name.rpartition("_")[2]
        for method in ("get", "post"):
            response = getattr(school.client, method)(address(model, page, pk), {"_save": "1", "post": "yes"})
            missing = getattr(school.client, method)(address(model, page, 999_999), {"_save": "1", "post": "yes"})
            assert response.status_code == missing.status_code
            assert response.status_code in (404, 405)
            assert_nothing_of_but_typed(factory, response)
            seen += 1
    assert seen >= 6
    assert school.client.get(f"{address(model, 'changelist')}{pk}/", follow=True).status_code == 404
    assert school.client.get(address(model, "change", own)).status_code == 200
    assert school.client.get(address(model, "history", own)).status_code == 200
    assert state(factory) == before


@each_model
def test_nothing_can_be_deleted(school, model):
    own = row(school, model)
    assert school.client.get(address(model, "delete", own.pk)).status_code == 403
    assert school.client.post(address(model, "delete", own.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=own.pk).exists()
    response = school.client.get(address(model, "changelist"))
    assert "delete_selected" not in response.content.decode()


@each_model
def test_add_page_offers_nothing_of_another(school, factory, model):
    before = state(factory)
    response = school.client.get(address(model, "add"))
    assert response.status_code in (200, 403)
    assert_nothing_of(factory, response)
    values = {"institution": factory.institution.pk, "name": "西门", "is_active": "on", "phone": "13800001002"}
    school.client.post(address(model, "add"), {**values, "_save": "1"})
    assert state(factory) == before


@each_model
def test_every_action_leaves_anothers_rows(school, factory, model):
    before = state(factory)
    admin = console.get_model_admin(model)
    for action in [*(name for name in admin.actions or ()), "delete_selected"]:
        for across in ("0", "1"):
            data = {
                "action": action,
                "_selected_action": [row(factory, model).pk],
                "select_across": across,
                "post": "yes",
            }
            response = school.client.post(address(model, "changelist"), data, follow=True)
            assert_nothing_of(factory, response)
            assert state(factory) == before


@each_model
def test_every_filter_value_of_another_finds_nothing(school, factory, model):
    """Also fields that no filter asks for: they are refused, whatever the value."""
    pages = address(model, "changelist")
    offered = {
        parameter for kind in console.get_model_admin(model).get_list_filter(None) for parameter in kind.parameters()
    }
    values = [
        factory.institution.pk,
        factory.entrance.pk,
        factory.scanner.pk,
        factory.scanner.account_id,
        factory.person.pk,
        factory.scan.pk,
        factory.person.name_hash,
        f"name-{factory.person.name_hash}",
        f"document-{factory.person.document_hash}",
        f"last_four-{factory.person.document_last_four_hash}",
        "\0",
        "'",
        "99999999999999999999999",
    ]
    assert (factory.entrance.pk, factory.scanner.account_id) != (school.entrance.pk, school.scanner.account_id)
    own = {"entrance": school.entrance.pk, "scanner": school.scanner.account_id}  # numbers of other things may equal it
    for parameter in offered:
        for value in values:
            if value == own.get(parameter):
                continue
            response = school.client.get(pages, {parameter: value})
            assert response.status_code == 200
            assert_nothing_of_but_typed(factory, response)
            assert response.context["cl"].result_count == 0
    probes = {field.name for field in model._meta.get_fields()} | {
        "institution__id__exact",
        "institution__name__startswith",
        "person__name_hash",
        "entrance__institution",
        "account__person__name_hash",
        "pk",
        "id__gte",
    }
    for parameter in probes - offered:
        assert school.client.get(pages, {parameter: str(factory.institution.pk)}).status_code == 400


@each_model
def test_pop_up_and_sorting_show_own_rows_only(school, factory, model):
    for query in (
        {"_popup": "1"},
        {"_popup": "1", "_to_field": model._meta.pk.name},
        {"all": ""},
        {"o": "1"},
        {"p": "2"},
    ):
        response = school.client.get(address(model, "changelist"), query, follow=True)
        assert_nothing_of(factory, response)


@each_model
def test_autocompletion_offers_nothing(school, factory, model):
    for field in model._meta.get_fields():
        query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
        response = school.client.get(reverse("console:autocomplete"), query)
        assert response.status_code in (403, 404)


@pytest.mark.parametrize("typed", ["慕容复", "1E1234561", "4561"])
def test_search_for_anothers_visitor_finds_nothing(school, factory, typed):
    response = school.client.post("/console/scanning/scan/search/", {"who": typed}, follow=True)
    assert response.context["cl"].result_count == 0
    assert_nothing_of(factory, response)
    found = factory.client.post("/console/scanning/scan/search/", {"who": typed}, follow=True)
    assert list(found.context["cl"].result_list) == [factory.scan]


def test_there_is_no_redirect_by_content_type(school):
    assert school.client.get("/console/r/1/1/").status_code == 404


def test_app_addresses_lead_to_the_first_page(school):
    assert school.client.get("/console/scanning/").url == "/console/"


def test_suspended_institution_closes_its_console(school):
    school.institution.is_active = False
    school.institution.save()
    assert school.client.get("/console/").status_code == 302


def test_ended_admin_is_out_at_once(school):
    assert school.client.get("/console/").status_code == 200
    membership = Membership.objects.get(institution=school.institution, account=school.admin)
    membership.end(at=school.scan.received_at)
    assert school.client.get("/console/").status_code == 302


def test_admin_of_two_institutions_sees_both_and_says_which(school, factory):
    Membership.objects.create(institution=factory.institution, account=school.admin, role="admin")
    response = school.client.get("/console/scanning/scan/")
    assert response.context["cl"].result_count == 2
    assert "沈阳市第一中学 · 大连机床厂" in response.content.decode()
    data = {"name": "侧门", "is_active": "on", "institution": factory.institution.pk}
    school.client.post("/console/institutions/entrance/add/", data)
    assert Entrance.objects.get(name="侧门").institution == factory.institution
    assert AuditEntry.objects.get(action="add-entrance").actor == school.admin
