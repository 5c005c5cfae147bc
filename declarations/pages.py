"""What the pages for oneself and those for a relative have in common: limits, and what is shown of earlier answers."""

from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import limits
from accounts.models import Account, IdentifierKind
from declarations import actions, divisions, questions
from declarations.forms import shown_phone
from declarations.models import Declaration, StayKind

CLAIMS_A_DAY = 10  # to a document, of oneself or a relative; one's own are asked of the authority
DECLARATIONS_A_DAY = 50  # of an account in all: they are kept for good
DAY = timedelta(days=1)


def take_declaration(account: Account, now: datetime) -> None:
    """Count one declaration of the account. Raises limits.LimitReached."""
    limits.take("declare", str(account.pk), limit=DECLARATIONS_A_DAY, per=DAY, at=now)


def take_claim(account: Account, now: datetime) -> None:
    """Count one claim to a document. Raises limits.LimitReached."""
    limits.take("claim", str(account.pk), limit=CLAIMS_A_DAY, per=DAY, at=now)


def too_often(reached: limits.LimitReached) -> str:
    """What to say of a limit."""
    retry_at = timezone.localtime(reached.retry_at)
    return _("You have asked often today. Please try again after %(time)s.") % {"time": f"{retry_at:%m-%d %H:%M}"}


def phone_of(account: Account) -> str:
    """The phone number that the account signed in with last, as people write it; "" without one."""
    phone = account.identifiers.filter(kind=IdentifierKind.PHONE).order_by("-used_at").first()
    return shown_phone(phone.value) if phone else ""


def earlier_answers(last: Declaration, today: date) -> dict:
    """The context of a page that asks whether anything has changed since this declaration."""
    answers = actions.answers_of(last).current(today)
    stays = {
        kind: [
            (divisions.full_name(stay.division), stay.from_on, stay.to_on)
            for stay in answers.stays
            if stay.kind == kind
        ]
        for kind in StayKind.values
    }
    residence = divisions.full_name(answers.division)
    return {"last": last, "answers": answers, "residence": residence, "version": questions.FORM_VERSION, **stays}
