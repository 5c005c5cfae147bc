"""Tells people that their colour has changed, before they leave home. It sends; what the colour is, `assess` says.

Told is only what matters at a door: that a code has become yellow or red, changed between the two, or is neither any
more. That a declaration has run out or data are late, the code page tells.
"""

import logging
import time
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts import sms
from accounts.models import Account, Identifier
from declarations.models import Person, Proxy
from passcodes import addresses, facts, rules
from passcodes.colour import Colour, Rule, assess
from passcodes.evidence import Facts
from passcodes.models import Notice, Shown
from passcodes.notice_models import NoticeKind
from passcodes.notice_search import follow, waking
from passcodes.outlook import outlook, renewed

log = logging.getLogger(__name__)

CHUNK = 100
SECONDS = 10  # of sending at a time: people wait for the worker's other tasks
TRIES = 4
AGAIN_AFTER = timedelta(minutes=10)  # a failed one, and one whose worker died
DAYS_FOLLOWED = 60
DAY = timedelta(hours=24)
MOST_A_DAY = 3  # messages to an account in any 24 hours, whatever about: a list may come and go every few minutes

BEARING = (Colour.RED, Colour.YELLOW)


def send_due(at: datetime, *, seconds: float = SECONDS) -> bool:
    """Tell of some that are due, for some seconds; whether there may be more. The statements do not grow with them.

    Whoever has been told MOST_A_DAY things in 24 hours is told of the colour as it is when these are over, if it still
    is another one than they know of.

    They are put off in one statement first, so that one that a killed worker had begun is tried again, not lost; the
    gateway knows the second of a pair by its time.
    """
    if waking(at) > at:  # also of those that were put off into the night
        return False
    enough = time.monotonic() + seconds
    ids = list(Notice.objects.due(at).order_by("due_at", "pk").values_list("pk", flat=True)[:CHUNK])
    if not ids:
        return False
    Notice.objects.filter(pk__in=ids).update(tries=F("tries") + 1, due_at=at + AGAIN_AFTER)
    notices = list(Notice.objects.filter(pk__in=ids).order_by("created_at", "pk"))
    notices.sort(key=lambda notice: not notice.cause.startswith("withdrawn:"))  # of two causes it says more
    people = {notice.person_id for notice in notices}
    found = facts.for_people(person_ids=people, at=at)
    known = _known(notices)
    ways = _ways(notices, at)
    lately = _lately(notices, at)
    dated = renewed(rules.dated(at))
    told, ahead = set(), []
    for notice in notices:
        pair = notice.person_id, notice.account_id
        row = found.get(notice.person_id)
        notice.settled_at = at
        if row is None or pair in told or pair not in ways:
            continue  # gone, told in this same chunk, or no longer whom to tell
        try:
            colour, coming = _looked_at(notice, row, dated, at)
        except Exception as error:  # whatever is wrong with the facts of one person, the others are told
            log.error("notice #%s: person %s has no colour (%s)", notice.pk, notice.person_id, type(error).__name__)
            _later(notice, at)
            continue
        ahead += coming
        kind = kind_of(known.get(pair), colour, notice.cause)
        if kind is None:
            continue
        free_at = _free_at(lately[notice.account_id], at)
        if free_at > at or time.monotonic() > enough:  # enough for a day, or a slow gateway: it keeps its turn
            notice.settled_at, notice.due_at, notice.tries = None, free_at, notice.tries - 1
            continue
        told.add(pair)
        _tell(notice, kind, colour, ways[pair], at)
        if notice.sent_at:
            lately[notice.account_id].append(at)
    Notice.objects.bulk_update(notices, ["due_at", "tries", "settled_at", "sent_at", "kind", "colour"])
    follow(ahead)
    return len(ids) == CHUNK or time.monotonic() > enough


def kind_of(known: Colour | None, colour: Colour, cause: str = "") -> NoticeKind | None:
    """What there is to tell whoever knows of one colour (None: of none yet); None if nothing."""
    before = known if known in BEARING else None
    now = colour if colour in BEARING else None
    if now == before:
        return None
    if now is not None:
        return NoticeKind.TURNED
    return NoticeKind.WITHDRAWN if cause.startswith("withdrawn:") else NoticeKind.RETURNED


def turned(*, account: Account, at: datetime) -> set[int]:
    """Of the people whose codes the account may show, the ids of those whose colour is another one than it was last
    shown of them, in a way that people are told of. Two statements, however many they are.
    """
    acting = Proxy.objects.acting().of_account(account).values("person")
    may_show = Q(person__holder=account) | Q(person__in=acting)
    seen = dict(Shown.objects.filter(may_show, account=account).values_list("person", "colour"))
    found = facts.for_people(person_ids=seen, at=at) if seen else {}
    return {
        pk
        for pk, row in found.items()
        if kind_of(Colour(seen[pk]), assess(facts.facts_of(row), rules.in_force(row["rules"]), at).colour)
    }


def text_of(kind: NoticeKind) -> str:
    """The message. No colour, reason or name: a locked screen shows it to whoever is near, and numbers change hands.

    No link either: people are to learn that none ever comes from us.
    """
    if kind == NoticeKind.WITHDRAWN:
        return _(
            "Health Pass: an entry about your health code, or that of a person you act for, has been withdrawn."
            " Open the Health Pass to see more."
        )
    return _(
        "Health Pass: your health code, or that of a person you act for, has changed."
        " Before you go out, open the Health Pass to see why and what to do."
    )


def _looked_at(notice: Notice, row: dict, dated: tuple[Rule, ...], at: datetime) -> tuple[Colour, list[Notice]]:
    """The colour of a facts' row, and the notice of what comes next."""
    person_facts = facts.facts_of(row)
    colour = assess(person_facts, rules.in_force(row["rules"]), at).colour
    return colour, _next(notice, person_facts, colour, dated, at)


def _later(notice: Notice, at: datetime) -> None:
    """It is tried again; given up after some tries."""
    notice.settled_at = at if notice.tries >= TRIES else None
    notice.due_at = waking(at + AGAIN_AFTER * notice.tries)


def _tell(notice: Notice, kind: NoticeKind, colour: Colour, way: Identifier, at: datetime) -> None:
    """Send it, or leave it to be tried again; given up after some tries."""
    try:
        addresses.send(way, _("Your health code has changed"), text_of(kind), at=notice.created_at)
    except (sms.SmsFailed, OSError) as error:  # of an e-mail: the server's refusals too
        log.warning("notice #%s: try %s failed (%s)", notice.pk, notice.tries, type(error).__name__)
        _later(notice, at)
        return
    notice.sent_at, notice.kind, notice.colour = at, kind, colour


def _known(notices: list[Notice]) -> dict[tuple[int, int], Colour]:
    """(person, account) -> what this account was last shown of the person, or told later.

    Nothing else counts: a guard, an officer or another relative who has seen the colour has told nobody.
    """
    people = {notice.person_id for notice in notices}
    accounts = {notice.account_id for notice in notices}
    known, since = {}, {}
    shown = Shown.objects.filter(person__in=people, account__in=accounts)
    for person, account, at, colour in shown.values_list("person", "account", "at", "colour"):
        known[person, account], since[person, account] = Colour(colour), at
    sent = Notice.objects.sent().filter(person__in=people, account__in=accounts).order_by("sent_at", "pk")
    for person, account, at, colour in sent.values_list("person", "account", "sent_at", "colour"):
        if (person, account) not in since or at >= since[person, account]:
            known[person, account] = Colour(colour)
    return known


def _lately(notices: list[Notice], at: datetime) -> dict[int, list[datetime]]:
    """account -> when it was told something in the last 24 hours, of whomever."""
    accounts = {notice.account_id for notice in notices}
    lately = {account: [] for account in accounts}
    sent = Notice.objects.sent().filter(account__in=accounts, sent_at__gt=at - DAY).order_by("sent_at", "pk")
    for account, sent_at in sent.values_list("account", "sent_at"):
        lately[account].append(sent_at)
    return lately


def _free_at(sent: list[datetime], at: datetime) -> datetime:
    """From when on an account may be told something more, which it was told at these times."""
    return at if len(sent) < MOST_A_DAY else sent[-MOST_A_DAY] + DAY


def _ways(notices: list[Notice], at: datetime) -> dict[tuple[int, int], Identifier]:
    """(person, account) -> where to send it, for those who still hold the person or act for them."""
    people = {notice.person_id for notice in notices}
    accounts = {notice.account_id for notice in notices}
    pairs = set(Person.objects.filter(pk__in=people, holder__in=accounts).values_list("pk", "holder"))
    acting = Proxy.objects.acting().filter(person__in=people, person__holder=None, account__in=accounts)
    pairs |= set(acting.values_list("person", "account"))
    ways = addresses.of_accounts(accounts, at)
    return {(person, account): ways[account] for person, account in pairs if account in ways}


def _next(notice: Notice, person_facts: Facts, colour: Colour, dated: tuple[Rule, ...], at: datetime) -> list[Notice]:
    """A notice for the moment at which the colour will next matter otherwise, by the dates known now."""
    now = colour if colour in BEARING else None
    for span in outlook(person_facts, dated, at, DAYS_FOLLOWED):
        if (span.colour if span.colour in BEARING else None) != now:
            cause = f"moment:{span.start.timestamp():.6f}"
            return [
                Notice(
                    person_id=notice.person_id,
                    account_id=notice.account_id,
                    cause=cause,
                    created_at=at,
                    due_at=waking(span.start),
                )
            ]
    return []
