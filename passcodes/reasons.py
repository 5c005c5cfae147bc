"""A reason in the holder's words: what it rests on, who decided, until when, what to do next."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from declarations import divisions
from healthpass.lib.encryption import keyed_hash
from passcodes import rule_texts, rules
from passcodes.colour import Condition, Reason, RiskCategory, RiskLevel

HOTLINE = "12320"  # the national public health hotline

AT_HOME = gettext_lazy(
    "Stay where you are, keep away from others and call the office below: it arranges test and care."
)
REPORT = gettext_lazy("Report to your community or village office today and follow its advice on tests.")

# Code of the rule -> (why, what to do next). `%(place)s` and `%(day)s` are the evidence.
TEXTS: dict[str, tuple[Promise, Promise]] = {
    f"risk-{RiskCategory.CONFIRMED}": (gettext_lazy("The epidemic database lists you as a confirmed case."), AT_HOME),
    f"risk-{RiskCategory.SUSPECTED}": (gettext_lazy("The epidemic database lists you as a suspected case."), AT_HOME),
    f"risk-{RiskCategory.ASYMPTOMATIC}": (
        gettext_lazy("The epidemic database lists you as an asymptomatic carrier."),
        AT_HOME,
    ),
    f"risk-{RiskCategory.CLOSE_CONTACT}": (
        gettext_lazy("The epidemic database lists you as a close contact of a case."),
        AT_HOME,
    ),
    f"risk-{RiskCategory.ARRIVAL}": (
        gettext_lazy("The epidemic database lists you as having arrived from abroad."),
        gettext_lazy(
            "Complete the observation that applies to arrivals from abroad; the office below tells you where."
        ),
    ),
    f"risk-{RiskCategory.SECONDARY_CONTACT}": (
        gettext_lazy("The epidemic database lists you as a contact of a close contact."),
        REPORT,
    ),
    f"risk-{RiskCategory.MANAGED}": (gettext_lazy("The office named below has put you under observation."), REPORT),
    f"area-{RiskLevel.HIGH}": (
        gettext_lazy("You declared a stay or an address in %(place)s, a high-risk area since %(day)s."),
        AT_HOME,
    ),
    f"area-{RiskLevel.MEDIUM}": (
        gettext_lazy("You declared a stay or an address in %(place)s, a medium-risk area since %(day)s."),
        REPORT,
    ),
    Condition.ABROAD: (
        gettext_lazy("You declared a stay abroad until %(day)s."),
        gettext_lazy(
            "Complete the observation that applies to arrivals from abroad; the office below tells you where."
        ),
    ),
    Condition.CONTACT: (gettext_lazy("You declared contact with a case in %(place)s until %(day)s."), REPORT),
    Condition.SYMPTOMS: (
        gettext_lazy("You declared a fever or a dry cough on %(day)s."),
        gettext_lazy("See a doctor at a fever clinic. A normal temperature taken at its entrance ends this at once."),
    ),
    Condition.GATE_FEVER: (
        gettext_lazy("At an entrance your temperature was 37.3 °C or more on %(day)s."),
        gettext_lazy("See a doctor at a fever clinic. A normal temperature taken at its entrance ends this at once."),
    ),
    Condition.NOT_CURRENT: (
        gettext_lazy("You have no current health declaration."),
        gettext_lazy("Declare your health now; it takes one tap if nothing has changed."),
    ),
    Condition.IDENTITY: (
        gettext_lazy("We could not check that the name, document number and phone number belong together."),
        gettext_lazy(
            "Check them and declare again, or show your document at a community service desk."
            " Until then entrances register your identity card and take your temperature."
        ),
    ),
    Condition.STALE: (
        gettext_lazy("The epidemic data have not come in on time, so at present no code can be green."),
        gettext_lazy(
            "You need do nothing; your code comes back by itself."
            " Until then entrances register your identity card and take your temperature."
        ),
    ),
    Condition.ASKED: (
        gettext_lazy("Your declaration is being compared with the national data; this takes a few seconds."),
        gettext_lazy(
            "You need do nothing; this page goes on by itself."
            " If it takes longer, entrances register your identity card and take your temperature."
        ),
    ),
}
# The same of what somebody else declared for who has an account.
BY_ANOTHER = {
    Condition.SYMPTOMS: gettext_lazy("Somebody else declared for you that you had a fever or a dry cough on %(day)s."),
}
NOBODY_DECIDES = (Condition.NOT_CURRENT, Condition.IDENTITY, Condition.STALE, Condition.ASKED)


@dataclass(frozen=True)
class ReasonText:
    """What the holder reads. `until` None: open. `office` empty: it follows from the rules, without a decision.

    `asks_office`: whether there is somebody to ask about it, at `phone`.
    """

    why: str
    next_step: str
    until: datetime | None
    office: str
    phone: str
    asks_office: bool
    key: str = ""  # names it in the address of an appeal; "" = there is nothing to appeal against
    answer_by: datetime | None = None  # when the appeal that waits is to be answered
    unanswered: bool = False  # neutral, because an appeal was not answered in time


def address_key(reason: Reason, person_id: int) -> str:
    """What names a reason of a person in an address: it tells nothing, and is the same for the copies in other lists.

    "" for what nobody decided.
    """
    parts = [part.timestamp() if isinstance(part, datetime) else part for part in reason.likeness]
    return keyed_hash("appeal", f"{person_id}:{json.dumps(parts)}")[:16] if parts else ""


def text_of(reason: Reason, *, person_id: int | None = None) -> ReasonText:
    """The reason in the language in force: in the rule's own words where it has some, else in ours.

    `person_id`: whose it is, where it can be appealed against.
    """
    why, next_step = TEXTS[reason.code]
    if reason.fact:
        why = BY_ANOTHER.get(reason.code, why)
    own_why, own_next_step = rules.words_of(reason.rule, get_language() or "") if reason.rule else ("", "")
    evidence = {
        "place": f"{divisions.full_name(reason.division)}{reason.place}" if reason.division else "",
        "day": date_format(timezone.localtime(reason.since), "DATE_FORMAT") if reason.since else "",
    }
    return ReasonText(
        why=rule_texts.filled(own_why or str(why), **evidence),
        next_step=rule_texts.filled(own_next_step or str(next_step), **evidence),
        until=reason.until,
        office=reason.office,
        phone=reason.office_phone or HOTLINE,
        asks_office=reason.code not in NOBODY_DECIDES,
        key=address_key(reason, person_id) if person_id else "",
        answer_by=reason.answer_by,
        unanswered=reason.unanswered,
    )


def headline(colour_name: str) -> str:
    """The word for a colour, as it stands above the code."""
    return {
        "green": _("Green code"),
        "yellow": _("Yellow code"),
        "red": _("Red code"),
        "grey": _("Grey code"),
        "neutral": _("Not checked"),
    }[colour_name]


def advice(colour_name: str, because: Iterable[Reason] = ()) -> str:
    """One line below the word. `because`: neutral may be for want of risk data or of an answer, not of an identity."""
    because = list(because)
    codes = {reason.code for reason in because}
    if colour_name == "neutral" and Condition.STALE in codes:
        return _("The epidemic data are not up to date: entrances register you and take your temperature.")
    if colour_name == "neutral" and Condition.ASKED in codes:
        return _("Your declaration is being compared with the national data. One moment, please.")
    if colour_name == "neutral" and any(reason.unanswered for reason in because):
        return _("Your appeal was not answered in time: entrances register you and take your temperature.")
    return {
        "green": _("With a normal temperature you may pass."),
        "yellow": _("Do not go to public places for now."),
        "red": _("Stay where you are and avoid contact with others."),
        "grey": _("Declare your health to get your code back."),
        "neutral": _("Your identity has not been checked: entrances register you and take your temperature."),
    }[colour_name]
