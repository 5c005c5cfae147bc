"""Colour rules on the authority's site: drafted, edited, proposed, compared, agreed to by another office, withdrawn."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry
from passcodes import rule_words, rules
from passcodes.colour import DEFAULT_RULES, Colour
from passcodes.models import Approval, ColourRule, RuleSet
from tests import factories

LIST = "/admin/passcodes/ruleset/"
RULES = len(DEFAULT_RULES)


@pytest.fixture
def ours(db):
    return factories.account(phone="+8613700000001", is_officer=True)


@pytest.fixture
def theirs(db):
    return factories.account(phone="+8613700000002", office=factories.office())


@pytest.fixture
def desk(ours):
    return factories.staff_client(account=ours)


@pytest.fixture
def other(theirs):
    return factories.staff_client(account=theirs)


@pytest.fixture
def draft(ours):
    return factories.rule_draft()


def address(rule_set, page="change"):
    return f"{LIST}{rule_set.pk}/{page}/"


def sent(rule, **changes) -> dict:
    """What the form of a rule sends."""
    values = {
        "condition": rule.condition,
        "parameter": rule.parameter,
        "colour": rule.colour,
        "days": rule.days or "",
        "hours": rule.hours or "",
        "reason_zh": rule.reason["zh-hans"],
        "reason_en": rule.reason["en"],
        "next_step_zh": rule.next_step["zh-hans"],
        "next_step_en": rule.next_step["en"],
        "office": rule.office,
        "office_phone": rule.office_phone,
        "valid_from": "",
        "valid_to": "",
    }
    return {**values, **changes}


def propose(browser, rule_set, verb="propose"):
    return browser.post(
        address(rule_set, verb), {"basis": "emergency", "reason": "winter & new variant"}, follow=True
    ).text


def agree(browser, rule_set):
    seen = Approval.objects.latest("pk").pk
    return browser.post(address(rule_set, "approve"), {"approval": seen}, follow=True).text


def test_pages_lead_from_a_new_draft_to_the_second_office(desk, other):
    assert "The default rules decide every colour." in desk.get(LIST).text
    page = desk.post(f"{LIST}new/", follow=True).text
    draft = RuleSet.objects.get()
    assert f"{RULES} things are missing before the set can be proposed" in page
    assert page.count("Name the office that answers for the rule, with its phone.") == RULES
    assert "Propose to another office" not in page
    page = desk.post(address(draft, "office"), {"office": "省疾控中心", "office_phone": "024-1"}, follow=True).text
    assert "missing" not in page
    page = propose(desk, draft)
    assert "Proposed. An officer of another office has to agree." in page
    assert "Agree and put in force" not in page
    assert "waits for your agreement" not in desk.get("/admin/").text
    assert f'<a href="{address(draft)}">1 set of colour rules waits for your agreement</a>' in other.get("/admin/").text
    page = other.get(address(draft)).text
    assert "Agree and put in force" in page
    assert page.count("Why: winter &amp; new variant") == 2  # above the draft, and with who has decided
    assert "Agreed. It counts from the next display or scan on" in agree(other, draft)
    assert rules.current(timezone.now()) == draft
    assert "<strong>decides every colour now</strong>" in desk.get(LIST).text
    assert "省卫生健康委员会, 沈阳市卫生健康委员会" in desk.get(LIST).text


def test_own_draft_and_own_office_are_refused(desk, draft):
    propose(desk, draft)
    colleague = factories.staff_client(account=factories.account(phone="+8613700000003", is_officer=True))
    for browser in (desk, colleague):
        assert "Agree and put in force" not in browser.get(address(draft)).text
        assert "An officer of another office has to agree." in agree(browser, draft)
    assert RuleSet.objects.get().state == "draft"


def test_incomplete_set_is_not_proposed_and_the_page_says_why(desk, draft):
    draft.rules.filter(condition="contact").update(office="")
    draft.rules.filter(condition="stale").delete()
    page = propose(desk, draft)
    assert "2 things are missing before the set can be proposed: see below." in page
    row = re.search(r"<b>declared contact with a case</b>.*?</td>", page, re.DOTALL)[0]
    assert "<li>Name the office that answers for the rule, with its phone.</li>" in row
    assert "<li>Every set needs the rule for epidemic data that are not up to date, without dates.</li>" in page
    assert Approval.objects.count() == 0


def test_a_legal_basis_is_chosen(desk, draft):
    given = {"basis": "x", "reason": "winter"}
    assert "Choose the legal basis." in desk.post(address(draft, "propose"), given, follow=True).text
    given = {"basis": "cases", "reason": " "}
    said = "Say why, for the officer of the other office."
    assert said in desk.post(address(draft, "propose"), given, follow=True).text
    assert Approval.objects.count() == 0


def test_rule_is_edited_with_its_errors_at_the_fields(desk, ours, draft):
    rule = draft.rules.get(condition="contact")
    page = f"{LIST}{draft.pk}/rules/{rule.pk}/"
    assert desk.get(page).status_code == 200
    text = desk.post(page, sent(rule, days="31", office="", reason_en=" ", next_step_zh="", parameter="high")).text
    errors = dict(re.findall(r'<ul class="errorlist" id="id_(\w+)_error"><li>(.*?)</li>', text))
    assert errors == {
        "parameter": "The category or level does not go with this condition.",
        "days": "Give from 1 to 30 days for this condition, and none for others.",
        "reason_en": "Write the reason in Chinese and in English.",
        "next_step_zh": "Write what to do next in Chinese and in English.",
        "office": "Name the office that answers for the rule, with its phone.",
    }
    assert draft.rules.get(pk=rule.pk).days == 14
    assert "Saved." in desk.post(page, sent(rule, days="7", valid_to="2099-01-01T08:00"), follow=True).text
    changed = draft.rules.get(pk=rule.pk)
    assert (changed.days, f"{timezone.localtime(changed.valid_to):%Y-%m-%d %H:%M}") == (7, "2099-01-01 08:00")
    entry = AuditEntry.objects.get(action="change-colourrule")
    assert (entry.actor, entry.detail["fields"]) == (ours, ["days", "valid_to"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"condition": "identity"}, "condition"),
        ({"condition": ""}, "condition"),
        ({"colour": "0"}, "colour"),
        ({"colour": "red"}, "colour"),
        ({"days": "-1"}, "days"),
        ({"days": "99999999999"}, "days"),
        ({"hours": "3"}, "hours"),
        ({"valid_from": "0001-01-01T00:00"}, "valid_from"),
        ({"valid_from": "2098-01-02T00:00", "valid_to": "2098-01-01T00:00"}, "valid_to"),
        ({"valid_to": "tomorrow"}, "valid_to"),
        ({"reason_zh": "字" * 501}, "reason_zh"),
        ({"office": "a\0b"}, "office"),
    ],
)
def test_what_no_rule_can_be_is_said_at_its_field(desk, draft, changes, field):
    rule = draft.rules.get(condition="contact")
    response = desk.post(f"{LIST}{draft.pk}/rules/{rule.pk}/", sent(rule, **changes))
    assert list(response.context["form"].errors) == [field]


def test_rules_are_added_and_taken_out(desk, draft):
    rule = draft.rules.get(condition="contact")
    desk.post(f"{LIST}{draft.pk}/rules/{rule.pk}/remove/")
    assert not draft.rules.filter(condition="contact").exists()
    assert "New rule" in desk.get(f"{LIST}{draft.pk}/rules/add/").text
    desk.post(f"{LIST}{draft.pk}/rules/add/", sent(rule, colour="2", days="5"))
    added = draft.rules.get(condition="contact")
    assert (added.colour, added.days, added.office) == (Colour.RED, 5, rule.office)
    actions = AuditEntry.objects.filter(subject=f"ruleset:{draft.pk}").order_by("pk").values_list("action", flat=True)
    assert list(actions)[1:] == ["remove-colourrule", "add-colourrule"]


def test_rule_is_reached_through_its_own_set_only(desk, draft):
    rule = factories.rule_draft().rules.first()
    assert desk.get(f"{LIST}{draft.pk}/rules/{rule.pk}/").status_code == 404
    assert desk.post(f"{LIST}{draft.pk}/rules/{rule.pk}/remove/").status_code == 404
    assert ColourRule.objects.filter(pk=rule.pk).exists()


def test_what_waits_cannot_be_edited_until_it_is_refused(desk, other, draft):
    rule = draft.rules.get(condition="contact")
    propose(desk, draft)
    page = other.get(address(draft)).text
    assert "Until it is decided nobody can edit the draft." in page
    assert ">Edit<" not in page
    for path, values in (
        (f"rules/{rule.pk}", sent(rule, days="7")),
        ("rules/add", sent(rule)),
        (f"rules/{rule.pk}/remove", {}),
        ("details", {"note": "x"}),
        ("office", {"office": "a", "office_phone": "1"}),
    ):
        assert "This cannot be done now" in desk.post(address(draft, path), values, follow=True).text
    assert (draft.rules.count(), draft.rules.get(pk=rule.pk).days) == (RULES, 14)
    assert "The rules stand as they did" in other.post(address(draft, "refuse"), follow=True).text
    desk.post(address(draft, f"rules/{rule.pk}"), sent(rule, days="7"))
    assert draft.rules.get(pk=rule.pk).days == 7


def test_agreement_is_to_what_was_seen(desk, other, draft):
    propose(desk, draft)
    seen = Approval.objects.get().pk
    desk.post(address(draft, "refuse"))
    draft.rules.filter(condition="contact").update(days=1)
    propose(desk, draft)
    for value in (seen, "", "x", "٣"):
        text = other.post(address(draft, "approve"), {"approval": value}, follow=True).text
        assert "This was decided before, or proposed anew: please look at it again." in text
    assert RuleSet.objects.get().state == "draft"


def test_second_officer_sees_what_changes(desk, other, draft):
    factories.released_rules(rule_set=factories.rule_draft())
    draft.rules.filter(condition="contact").update(days=7, reason={"zh-hans": "新", "en": "New words."})
    draft.rules.filter(condition="symptoms").delete()
    ColourRule.objects.create(rule_set=draft, condition="risk", parameter="managed", colour=2, **words())
    propose(desk, draft)
    page = other.get(address(draft)).text
    assert "Compared with version #2, which decides until then." in page
    changes = re.search(r'<ul class="rule-changes">(.*?)</ul>', page, re.DOTALL)[1]
    heads = [
        re.sub(r"<[^>]*>", "", head).split() for head in re.findall(r'<p class="line">(.*?)</p>', changes, re.DOTALL)
    ]
    assert [" ".join(head) for head in heads] == [
        "Changed yellow declared contact with a case",
        "New red listed in the epidemic database: other managed person",
        "Taken out yellow declared symptoms",
    ]
    assert "<del>14 days after the last day there</del>" in changes
    assert "<ins>7 days after the last day there</ins>" in changes
    assert "<ins>New words.</ins>" in changes


def words() -> dict:
    both = {"zh-hans": "字", "en": "words"}
    return {"reason": both, "next_step": both, "office": "a", "office_phone": "1"}


def test_differences_are_exact():
    one = ColourRule(condition="contact", colour=1, days=14, **words())
    same = ColourRule(condition="contact", colour=1, days=14, **words())
    longer = ColourRule(condition="contact", colour=1, days=20, **words())
    assert rule_words.differences([one], [same]) == []
    [added] = rule_words.differences([one], [longer, same])
    assert (added.before, added.after) == (None, longer)
    [changed] = rule_words.differences([one], [longer])
    assert changed.fields == (("for how long", "14 days after the last day there", "20 days after the last day there"),)


def test_beginning_is_to_come(desk, draft):
    page = address(draft, "details")
    past = f"{timezone.localtime() - timedelta(minutes=1):%Y-%m-%dT%H:%M}"
    assert "Rules never count for the past." in desk.post(page, {"note": "", "valid_from": past}).text
    desk.post(page, {"note": "春运", "valid_from": "2099-01-01T08:00"})
    draft.refresh_from_db()
    assert (draft.note, f"{timezone.localtime(draft.valid_from):%H:%M}") == ("春运", "08:00")
    assert AuditEntry.objects.get(action="change-ruleset").detail == {"fields": ["note", "valid_from"]}
    assert "released for later" not in desk.get(LIST).text


def test_set_that_has_not_begun_is_withdrawn_by_one(desk, draft):
    RuleSet.objects.update(valid_from=timezone.now() + timedelta(days=1))
    factories.released_rules(rule_set=draft)
    assert "released for later" in desk.get(LIST).text
    assert "Propose to withdraw" not in desk.get(address(draft)).text
    assert "These rules will never count." in desk.post(address(draft, "withdraw"), follow=True).text
    assert RuleSet.objects.get().state == "withdrawn"


def test_set_that_decides_is_withdrawn_by_two(desk, other, draft):
    factories.released_rules(rule_set=draft)
    assert "An officer of another office has to agree." in desk.post(address(draft, "withdraw"), follow=True).text
    page = desk.get(address(draft)).text
    assert "The default rules decide then." in page
    propose(desk, draft, "propose-withdrawal")
    page = other.get(address(draft)).text
    assert "proposes to withdraw these rules" in page
    assert "Agree and withdraw" in page
    agree(other, draft)
    assert RuleSet.objects.get().state == "withdrawn"
    assert rules.current(timezone.now()) is None


def test_decisions_are_posted(desk, draft):
    for verb in ("propose", "propose-withdrawal", "approve", "refuse", "withdraw", "discard"):
        assert desk.get(address(draft, verb)).status_code == 405
    assert desk.get(f"{LIST}new/").status_code == 405
    assert RuleSet.objects.get().state == "draft"


def test_strangers_and_unconfirmed_officers_get_nothing(client, ours, draft):
    rule = draft.rules.first()
    unconfirmed = factories.staff_client(account=ours, second_factor=False)
    for browser in (client, unconfirmed, factories.staff_client(account=factories.account())):
        for page in ("details", "office", "rules/add", f"rules/{rule.pk}", "change"):
            assert browser.get(address(draft, page)).status_code == 302
        for verb in ("propose", "approve", "refuse", "withdraw", "discard", f"rules/{rule.pk}/remove"):
            assert browser.post(address(draft, verb), {"basis": "cases"}).status_code == 302
        assert browser.post(f"{LIST}new/").status_code == 302
    assert (RuleSet.objects.count(), Approval.objects.count(), draft.rules.count()) == (1, 0, RULES)


def test_list_and_page_take_the_same_queries_however_many(desk, draft):
    def queries(path) -> int:
        with CaptureQueriesContext(connection) as found:
            assert desk.get(path).status_code == 200
        return len(found)

    factories.released_rules(rule_set=factories.rule_draft())
    one, page = queries(LIST), queries(address(draft))
    for _number in range(2):
        factories.released_rules(rule_set=factories.rule_draft())
    draft.rules.filter(condition="risk").delete()
    assert (queries(LIST), queries(address(draft))) == (one, page)
    assert (one, page) == (7, 11)


def test_page_is_chinese_throughout(desk, draft):
    text = desk.get(address(draft), headers={"accept-language": "zh-hans"}).text
    shown = re.sub(r'<p lang="en">.*?</p>|<[^>]*>|%\(\w+\)s', " ", text.partition("<h1>")[2], flags=re.DOTALL)
    assert re.findall(r"[a-z]{3,}", shown) == []


def test_first_page_names_proposed_officers(desk, other, ours):
    officer = factories.officer(account=factories.account(phone="+8613700000005"), office=factories.office())
    officer.approved_at, officer.added_by = None, ours
    officer.save()
    assert "proposed officer waits" not in desk.get("/admin/").text
    page = other.get("/admin/").text
    assert '<a href="/admin/accounts/officer/?state=waiting">1 proposed officer waits for your agreement</a>' in page
