"""What somebody sends who asks for a check by a person, and what the officer says who decides it."""

from django import forms
from django.utils.translation import gettext_lazy as _

from declarations.fields import PlainTextField
from passcodes.document_photos import as_document
from passcodes.findings import PictureFinding
from passcodes.reason_field import ReasonField


class AskForm(forms.Form):
    """A photo of the document with its owner, and a note. `photo` cleans to a JPEG without metadata."""

    photo = forms.FileField(
        label=_("Photo of the document with the person"),
        allow_empty_file=True,
        error_messages={"required": PictureFinding.EMPTY.label, "missing": PictureFinding.EMPTY.label},
        # With exactly these, iPhones turn their own format into JPEG; camera or album, the phone asks.
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )
    note = PlainTextField(
        label=_("Anything the officer should know"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_photo(self) -> bytes:
        return as_document(self.cleaned_data["photo"])


class DecisionForm(forms.Form):
    """Approve or refuse, with a reason that the asking person reads. `shown` names what the officer compared."""

    decision = forms.ChoiceField(choices=[(verb, verb) for verb in ("approve", "refuse")])
    reason = ReasonField(max_length=500, rows=3)
    shown = forms.CharField(max_length=64, widget=forms.HiddenInput)
