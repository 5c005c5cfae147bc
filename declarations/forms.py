"""The declaration form: the questions in their official order, validated into a Claim and Answers."""

from collections.abc import Iterator, Mapping
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.purposes import LookReason
from declarations import divisions, documents, questions
from declarations.documents import DocumentKind
from declarations.fields import DayField, NameField, PhoneField, PlainTextField
from declarations.models import Sex, StayKind
from declarations.questions import Answers, Claim, StayAnswer

MAX_STAYS = 10  # of a kind
IDENTITY = ("name", "document_kind", "document_number", "sex", "birth_date")
STAY_PARTS = ("province", "county", "from", "to")
OLDEST = date(1900, 1, 1)
NO, YES = "no", "yes"
NO_YES = [(NO, pgettext_lazy("stays or contacts", "No")), (YES, pgettext_lazy("stays or contacts", "Yes"))]
SELECT = _("Please select")


class DeclarationForm(forms.Form):
    """Asks everything, or with `asks_identity` off all but the identity. `today` is the day it is filled in.

    `version` is that of the page that was sent, or of the earlier answers in `initial`: newer questions are marked, and
    a page from before them is not accepted. Stays are rows of four fields, `travel_0_province` and so on, as many as
    were sent or are in `initial`.
    """

    labels: Mapping[str, str] = {}  # in place of the fields' own, for a form about somebody else
    required_texts: Mapping[str, str] = {}

    phone = PhoneField(label=_("Phone number"), error_messages={"required": _("Please enter your phone number")})
    name = NameField(
        label=_("Name"),
        error_messages={"required": _("Please enter your name")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    document_kind = forms.ChoiceField(
        label=_("Document type"),
        choices=DocumentKind.choices,
        error_messages={"required": _("Please select your document type")},
    )
    document_number = forms.CharField(
        label=_("Document number"),
        error_messages={"required": _("Please enter your document number")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    sex = forms.ChoiceField(
        label=_("Sex"),
        choices=Sex.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please select your sex")},
    )
    birth_date = DayField(label=_("Date of birth"), error_messages={"required": _("Please select your date of birth")})
    province = forms.ChoiceField(
        label=_("Province"),
        initial=divisions.LIAONING,
        error_messages={"required": _("Please select the province")},
    )
    county = forms.ChoiceField(
        label=_("City and district or county"),
        error_messages={
            "required": _("Please select your place of residence"),
            "invalid_choice": _("Select a place in this province"),
        },
    )
    address = PlainTextField(
        label=_("Street, building and door"),
        max_length=200,
        error_messages={"required": _("Please enter street, building and door")},
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    travel = forms.ChoiceField(
        label=_("Have you been outside your city of residence in the last 14 days?"),
        choices=NO_YES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please answer yes or no")},
    )
    contact = forms.ChoiceField(
        label=_("Have you been in contact with a confirmed or suspected case in the last 14 days?"),
        choices=NO_YES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Please answer yes or no")},
    )
    temperature = forms.ChoiceField(
        label=_("Fever"),
        choices=[(NO, _("Below 37.3 °C")), (YES, _("37.3 °C or above"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Please select your temperature")},
    )
    dry_cough = forms.BooleanField(label=_("Dry cough"), required=False)
    fatigue = forms.BooleanField(label=_("Fatigue"), required=False)
    other_symptoms = PlainTextField(
        label=_("Other symptoms"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": _("Please describe briefly")}),
    )
    affirmation = forms.BooleanField(
        label=_("I have read and understood the items of this declaration and affirm that what I declare is correct."),
        error_messages={"required": _("Please confirm that what you declare is correct")},
    )

    def __init__(
        self,
        data: Mapping | None = None,
        *,
        today: date,
        asks_identity: bool = True,
        initial: Mapping | None = None,
        version: int | None = None,
    ):
        values = data if data is not None else initial or {}
        values = {name: values[name] for name in values if name != "csrfmiddlewaretoken"}
        if asks_identity:
            values = _with_identity_filled(values)
        super().__init__(values if data is not None else None, initial=values if data is None else None)
        for name, label in self.labels.items():
            self.fields[name].label = label
        for name, text in self.required_texts.items():
            self.fields[name].error_messages["required"] = text
        self.today = today
        self.asks_identity = asks_identity
        self.version = questions.FORM_VERSION if version is None else version
        self.values = values
        if not asks_identity:
            for name in IDENTITY:
                del self.fields[name]
        else:
            self.fields["birth_date"].widget.attrs |= {"min": OLDEST.isoformat(), "max": today.isoformat()}
        self._offer_places("province", "county", default=divisions.LIAONING, abroad=False)
        for kind in StayKind.values:
            self._add_rows(kind)
        for name in questions.fields_since(self.version):
            if name in self.fields:
                self.fields[name].label = format_lazy("{} {}", self.fields[name].label, _("(new question)"))

    def _add_rows(self, kind: str) -> None:
        order = list(self.fields)
        names = []
        for index in range(stay_count(self.values, kind)):
            row = {part: f"{kind}_{index}_{part}" for part in STAY_PARTS}
            self.fields[row["province"]] = forms.ChoiceField(label=_("Province"), required=False)
            self.fields[row["county"]] = forms.ChoiceField(
                label=_("City and district or county"),
                required=False,
                error_messages={"invalid_choice": _("Select a place in this province")},
            )
            for part, label in (("from", _("From")), ("to", _("To"))):
                field = self.fields[row[part]] = DayField(label=label, required=False)
                first = questions.earliest_day(self.today)
                field.widget.attrs |= {"min": first.isoformat(), "max": self.today.isoformat()}
            self._offer_places(row["province"], row["county"])
            names += row.values()
        at = order.index(kind) + 1
        self.order_fields([*order[:at], *names, *order[at:]])

    def _offer_places(self, province: str, county: str, *, default: int | None = None, abroad: bool = True) -> None:
        """Give the two fields their choices: only the chosen province's counties are in the page."""
        provinces = [(code, name) for code, name in divisions.provinces() if abroad or code != divisions.ABROAD]
        self.fields[province].choices = provinces if default else [("", SELECT), *provinces]
        chosen = _integer(self.values.get(province)) or default
        groups = divisions.counties(chosen) if chosen in dict(provinces) else ()
        self.fields[county].choices = [("", SELECT), *groups]
        if len(groups) == 1 and len(groups[0][1]) == 1:
            self.fields[county].choices = list(groups[0][1])

    def rows(self, kind: str) -> list[dict[str, forms.BoundField]]:
        """The bound fields of each row: `province`, `county`, `start`, `end`."""
        return [
            dict(
                zip(("province", "county", "start", "end"), (self[f"{kind}_{i}_{p}"] for p in STAY_PARTS), strict=True)
            )
            for i in range(stay_count(self.values, kind))
        ]

    def travel_rows(self) -> list[dict[str, forms.BoundField]]:
        return self.rows(StayKind.TRAVEL)

    def contact_rows(self) -> list[dict[str, forms.BoundField]]:
        return self.rows(StayKind.CONTACT)

    def clean(self) -> dict:
        if self.asks_identity:
            self._clean_identity()
        self.cleaned_data["stays"] = tuple(stay for kind in StayKind.values for stay in self._clean_stays(kind))
        if self.version < questions.FORM_VERSION:
            raise ValidationError(
                _(
                    "This form has new questions since you opened it. "
                    "Please answer those marked as new and send it again."
                )
            )
        return self.cleaned_data

    def _clean_identity(self) -> None:
        data = self.cleaned_data
        kind, number = data.get("document_kind"), data.get("document_number")
        born, sex = data.get("birth_date"), data.get("sex")
        if born and not OLDEST <= born <= self.today:
            self.add_error("birth_date", _("The date of birth cannot be in the future, or before 1900."))
        if not (kind and number):
            return
        try:
            number = data["document_number"] = documents.check(kind, number)
        except documents.InvalidNumber:
            self.add_error("document_number", _wrong_number(kind))
            return
        if not DocumentKind(kind).is_resident_number:
            return
        told_born, told_sex = documents.birth_date_and_sex(number)
        if told_born > self.today:
            self.add_error("document_number", _wrong_number(kind))
        elif born and born != told_born:
            self.add_error("birth_date", _("This differs from the date of birth in the document number."))
        if sex and sex != told_sex:
            self.add_error("sex", _("This differs from the sex in the document number."))

    def _clean_stays(self, kind: str) -> Iterator[StayAnswer]:
        rows = range(stay_count(self.values, kind))
        if self.cleaned_data.get(kind) != YES:
            for index in rows:
                for part in STAY_PARTS:
                    self.errors.pop(f"{kind}_{index}_{part}", None)
            return
        filled = [index for index in rows if self._is_filled(kind, index)]
        if not filled:
            self.add_error(kind, _("Please say where and when, or answer no."))
        for index in filled:
            if (stay := self._clean_stay(kind, index)) is not None:
                yield stay

    def _is_filled(self, kind: str, index: int) -> bool:
        """Whether anything is in the row; an emptied row does not count."""
        return any(self.values.get(f"{kind}_{index}_{part}") for part in STAY_PARTS)

    def _clean_stay(self, kind: str, index: int) -> StayAnswer | None:
        names = {part: f"{kind}_{index}_{part}" for part in STAY_PARTS}
        county, starts, ends = (self.cleaned_data.get(names[part]) for part in ("county", "from", "to"))
        missing = {
            "county": _("Please select the place"),
            "from": _("Please enter the first day"),
            "to": _("Please enter the last day"),
        }
        for part, message in missing.items():
            if not self.cleaned_data.get(names[part]) and names[part] not in self.errors:
                self.add_error(names[part], message)
        for part, day in (("from", starts), ("to", ends)):
            if day and not questions.earliest_day(self.today) <= day <= self.today:
                self.add_error(names[part], _("Enter a day of the last 14 days"))
        if starts and ends and starts > ends:
            self.add_error(names["to"], _("The last day cannot be before the first"))
        if any(name in self.errors for name in names.values()):
            return None
        return StayAnswer(kind, int(county), starts, ends)

    @property
    def claim(self) -> Claim:
        """Who a valid form says it is for."""
        return Claim(**{name: self.cleaned_data[name] for name in IDENTITY})

    @property
    def answers(self) -> Answers:
        """What a valid form answers."""
        data = self.cleaned_data
        return Answers(
            phone=data["phone"],
            division=int(data["county"]),
            address=data["address"],
            fever=data["temperature"] == YES,
            dry_cough=data["dry_cough"],
            fatigue=data["fatigue"],
            other_symptoms=data["other_symptoms"],
            stays=data["stays"],
        )


def stay_count(values: Mapping, kind: str) -> int:
    """How many rows of a kind the page has: one at least."""
    return min(max(_integer(values.get(f"{kind}_rows")) or 1, 1), MAX_STAYS)


def initial_of(answers: Answers, today: date) -> dict:
    """What the form shows of earlier answers: the affirmation is asked anew."""
    values = {
        "phone": shown_phone(answers.phone),
        "province": divisions.province_of(answers.division),
        "county": answers.division,
        "address": answers.address,
        "temperature": YES if answers.fever else NO,
        "dry_cough": answers.dry_cough,
        "fatigue": answers.fatigue,
        "other_symptoms": answers.other_symptoms,
    }
    for kind in StayKind.values:
        stays = [stay for stay in answers.current(today).stays if stay.kind == kind]
        values |= {kind: YES if stays else NO, f"{kind}_rows": len(stays)}
        for index, stay in enumerate(stays):
            first = max(stay.from_on, questions.earliest_day(today))
            parts = (divisions.province_of(stay.division), stay.division, first, stay.to_on)
            values |= {f"{kind}_{index}_{part}": value for part, value in zip(STAY_PARTS, parts, strict=True)}
    return values


def _with_identity_filled(values: dict) -> dict:
    """The same with sex and birth date from a resident ID number where they were left empty."""
    try:
        kind = DocumentKind(values.get("document_kind"))
        number = documents.check(kind, str(values.get("document_number", "")))
    except ValueError:
        return values
    if not kind.is_resident_number:
        return values
    born, sex = documents.birth_date_and_sex(number)
    return values | {"birth_date": values.get("birth_date") or born.isoformat(), "sex": values.get("sex") or sex}


def _wrong_number(kind: str) -> str:
    if DocumentKind(kind).is_resident_number:
        return _("This is not a valid resident ID number. Please check all 18 characters.")
    return _("This is not a valid number of such a document. Please check it.")


def _integer(value) -> int | None:
    text = str(value or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def redisplayed(sent: QueryDict, button: str) -> dict:
    """Everything as it was sent, after a button that works without JavaScript: `add-travel`, or just `refresh`."""
    values = sent.dict()
    verb, _sep, kind = button.partition("-")
    if verb == "add" and kind in StayKind.values:
        values[f"{kind}_rows"] = stay_count(values, kind) + 1
        values[kind] = YES
    return values


def sent_version(sent: QueryDict) -> int:
    """The version of the form that was sent; 0 when it does not say."""
    return _integer(sent.get("version")) or 0


def shown_phone(e164: str) -> str:
    """As people write it: mainland numbers without +86."""
    return e164.removeprefix("+86")


class DocumentLookForm(forms.Form):
    """Why an officer wants to see a whole document number."""

    reason = forms.ChoiceField(label=_("reason"), choices=[("", SELECT), *LookReason.choices])
