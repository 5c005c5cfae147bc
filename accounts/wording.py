"""Audit rows in words. What is not known here is shown as the code that it is."""

from django.apps import apps
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# First part of an action that has a model or a role as its second.
VERBS = {
    "add": gettext_lazy("Added"),
    "change": gettext_lazy("Changed"),
    "end": gettext_lazy("Ended"),
    "browse": gettext_lazy("Looked through the list"),
    "find": gettext_lazy("Found by a search"),
    "search": gettext_lazy("Searched"),
    "view": gettext_lazy("Looked at"),
}
ACTIONS = {
    "add-admin": gettext_lazy("Added an institution admin"),
    "add-colourrule": gettext_lazy("Colour rule added to a draft"),
    "add-officer": gettext_lazy("Officer proposed"),
    "answer-place": gettext_lazy("Answered about a place"),
    "approve-approval": gettext_lazy("Agreed to by a second office"),
    "approve-document-check": gettext_lazy("Check by a person: document seen"),
    "approve-officer": gettext_lazy("Officer approved by a second office"),
    "ask-end-officer": gettext_lazy("Asked to end the role of another office's officer"),
    "ask-document-check": gettext_lazy("Asked for a check by a person"),
    "begin-key-of-risksource": gettext_lazy("First half of a new key of a risk source made"),
    "begin-face-check": gettext_lazy("Face check begun"),
    "change-colourrule": gettext_lazy("Colour rule of a draft changed"),
    "change-password": gettext_lazy("Changed the own password"),
    "alert-looks": gettext_lazy("Unusually many looks at people"),
    "close-account": gettext_lazy("Account closed by its owner"),
    "confirm-identity": gettext_lazy("Identity confirmed"),
    "confirm-proxy": gettext_lazy("Proxy agreed to"),
    "create-account": gettext_lazy("Account made"),
    "desk-code": gettext_lazy("Desk: one-time code sent to a phone"),
    "desk-confirm-proxy": gettext_lazy("Desk: proxy confirmed"),
    "desk-declare": gettext_lazy("Desk: declared for a person"),
    "desk-end-proxy": gettext_lazy("Desk: proxy ended"),
    "desk-give-code": gettext_lazy("Desk: code given to a phone"),
    "desk-look-up": gettext_lazy("Desk: looked up a document that was seen"),
    "desk-owner-agrees": gettext_lazy("Desk: the person agreed by a one-time code"),
    "desk-print": gettext_lazy("Desk: paper code printed"),
    "desk-refuse": gettext_lazy("Desk: sent to another desk"),
    "desk-view": gettext_lazy("Desk: looked at a person"),
    "displace-holder": gettext_lazy("Person moved to another account"),
    "delete-ruleset": gettext_lazy("Draft of colour rules discarded"),
    "dry-run-riskbatch": gettext_lazy("Risk batch tried out on the present population"),
    "dry-run-ruleset": gettext_lazy("Colour rules tried out on the present population"),
    "escalate-appeal": gettext_lazy("Appealed once more, to another office"),
    "file-appeal": gettext_lazy("Appealed against a colour"),
    "grant-appeal": gettext_lazy("Appeal granted"),
    "end-admin": gettext_lazy("Ended an institution admin"),
    "export-own-data": gettext_lazy("Own data taken away"),
    "lapse-document-check": gettext_lazy("Check by a person: not decided in time"),
    "load-riskbatch": gettext_lazy("Risk list loaded"),
    "make-face-link": gettext_lazy("One-time link for a face check made"),
    "miss-admin": gettext_lazy("Tried a number to add an institution admin"),
    "miss-deskclerk": gettext_lazy("Tried a number to add a desk clerk"),
    "finish-key-of-risksource": gettext_lazy("Second half of a new key of a risk source made"),
    "first-officer": gettext_lazy("First officer of an office made on the server"),
    "miss-officer": gettext_lazy("Tried a number to propose an officer"),
    "miss-scanner": gettext_lazy("Tried a number to add a scanner"),
    "move-identifier": gettext_lazy("Number moved to another account"),
    "name-office": gettext_lazy("Office named for the rules of a draft"),
    "propose-approval": gettext_lazy("Proposed to another office"),
    "propose-risksource": gettext_lazy("Risk source, or a change of it, proposed to another office"),
    "remove-colourrule": gettext_lazy("Colour rule taken out of a draft"),
    "refuse-approval": gettext_lazy("Proposal refused"),
    "renew-riskbatch": gettext_lazy("“Other managed” renewed by another office"),
    "run-retention": gettext_lazy("Old data deleted"),
    "refuse-appeal": gettext_lazy("Appeal refused"),
    "refuse-document-check": gettext_lazy("Check by a person: refused"),
    "refuse-riskbatch": gettext_lazy("Risk list refused"),
    "release-person": gettext_lazy("Person released from the account"),
    "release-riskbatch": gettext_lazy("Risk batch put in force"),
    "release-ruleset": gettext_lazy("Colour rules put in force"),
    "send-to-desk": gettext_lazy("Sent to a desk"),
    "set-up-staff": gettext_lazy("Staff sign-in set up"),
    "sign-in-staff": gettext_lazy("Staff sign-in"),
    "view-appeal-document": gettext_lazy("Looked at a photo of an appeal"),
    "view-document": gettext_lazy("Looked at the full document number"),
    "view-document-photo": gettext_lazy("Looked at the photo of a document"),
    "view-dryrun": gettext_lazy("Looked at people who would turn in a trial"),
    "withdraw-appeal": gettext_lazy("Appeal withdrawn"),
    "withdraw-document-check": gettext_lazy("Check by a person: withdrawn"),
    "withdraw-face-check": gettext_lazy("Face check withdrawn"),
    "withdraw-riskbatch": gettext_lazy("Risk batch withdrawn"),
    "withdraw-ruleset": gettext_lazy("Colour rules withdrawn"),
}


def action_words(action: str) -> str:
    """What was done: "Looked at: risk record"."""
    if action in ACTIONS:
        return str(ACTIONS[action])
    verb, _dash, kind = action.partition("-")
    if verb in VERBS and (noun := _nouns().get(kind)):
        return _("%(verb)s: %(noun)s") % {"verb": VERBS[verb], "noun": noun}
    return action


def subject_words(subject: str) -> str:
    """On what: "Account #8" for `account:8`."""
    kind, _colon, number = subject.partition(":")
    noun = _nouns().get(kind)
    if noun is None:
        return subject
    return f"{capfirst(str(noun))} #{number}" if number else capfirst(str(noun))


def _nouns() -> dict[str, Promise]:
    """Model names, as actions and subjects hold them, and what people call the models."""
    return {model._meta.model_name: model._meta.verbose_name for model in apps.get_models()}
