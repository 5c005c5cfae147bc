"""The declaration form about somebody else: the same questions, worded for another person, and who they are to us."""

from django import forms
from django.utils.translation import gettext_lazy as _

from declarations.forms import DeclarationForm
from declarations.models import Relation

NOT_OURS = ("phone", "name", "address")  # a browser would fill them with its owner's data


class RelativeForm(DeclarationForm):
    """As DeclarationForm; with `asks_identity` it asks for the relation too."""

    field_order = ("phone", "relation")
    labels = {
        "travel": _("Has the person been outside their city of residence in the last 14 days?"),
        "contact": _("Has the person been in contact with a confirmed or suspected case in the last 14 days?"),
    }
    required_texts = {
        "phone": _("Please enter the person's phone number, or your own"),
        "name": _("Please enter the person's name"),
        "document_kind": _("Please select the type of the person's document"),
        "document_number": _("Please enter the number of the person's document"),
        "sex": _("Please select the person's sex"),
        "birth_date": _("Please select the person's date of birth"),
        "county": _("Please select the person's place of residence"),
        "temperature": _("Please select the person's temperature"),
    }

    relation = forms.ChoiceField(
        label=_("Who the person is to you"),
        choices=[("", _("Please select")), *Relation.choices],
        error_messages={"required": _("Please select who the person is to you")},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.asks_identity:
            del self.fields["relation"]
        self.fields["phone"].help_text = _(
            "Enter the person's own number if they have one: it gets a message when somebody new may show their code. "
            "For somebody without a phone, use your own number."
        )
        for name in NOT_OURS:
            if name in self.fields:
                self.fields[name].widget.attrs["autocomplete"] = "off"
