"""The declaration form as a desk asks it, of somebody who is there with their document."""

from datetime import date

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import Office
from declarations import divisions
from declarations.actions import answers_of
from declarations.forms import DeclarationForm, initial_of, redisplayed, sent_version
from declarations.models import Declaration, Person


class DeskForm(DeclarationForm):
    """The same questions. A phone is not asked for: who has none comes to the desk."""

    def __init__(self, *args, office: Office, **kwargs):
        super().__init__(*args, **kwargs)
        self.office = office
        phone = self.fields["phone"]
        phone.required = False
        phone.label = _("Phone number, if there is one")
        phone.help_text = _("Of the person, or of somebody who reaches them.")
        for name in ("phone", "name", "address"):
            self.fields[name].widget.attrs["autocomplete"] = "off"  # the browser knows the clerk, not the person

    @classmethod
    def blank(cls, *, office: Office, today: date, **initial) -> "DeskForm":
        """Empty but for `initial`, and for the office's county where it has only one."""
        place = {"province": divisions.province_of(office.division)}
        if divisions.is_choice(office.division):
            place["county"] = office.division
        return cls(today=today, office=office, initial={**place, **initial})

    @classmethod
    def again(cls, *, office: Office, today: date, person: Person, last: Declaration | None) -> "DeskForm":
        """With who the person is known to be, and what was last declared."""
        initial = {
            "name": person.name,
            "document_kind": person.document_kind,
            "document_number": person.document_number,
            "sex": person.sex,
            "birth_date": person.birth_date,
        }
        if last is None:
            return cls.blank(office=office, today=today, **initial)
        answers = initial_of(answers_of(last), today)
        return cls(today=today, office=office, initial={**answers, **initial}, version=last.form_version)

    @classmethod
    def sent(cls, data: QueryDict, *, office: Office, today: date) -> "DeskForm":
        """As the page sent it; unbound after a button that works without JavaScript."""
        if button := data.get("button"):
            return cls(today=today, office=office, initial=redisplayed(data, button))
        return cls(data, today=today, office=office, version=sent_version(data))

    def clean_county(self) -> str:
        county = self.cleaned_data["county"]
        if not self.office.covers(int(county)):
            self.add_error("county", _("This place belongs to another desk."))
        return county
