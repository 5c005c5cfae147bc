"""What somebody sends who appeals, and what an officer answers."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from declarations.fields import PlainTextField
from passcodes.appeal_models import Claim
from passcodes.document_photos import as_document
from passcodes.reason_field import FEW_WORDS, ReasonField

DOCUMENTS = 5


class PhotosInput(forms.ClearableFileInput):
    """Several files in one field."""

    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Up to five pictures; each cleans to a JPEG without metadata."""

    widget = PhotosInput(attrs={"accept": "image/jpeg,image/png,image/webp"})

    def clean(self, data, initial=None) -> list[bytes]:
        uploads = data if isinstance(data, list | tuple) else [data] if data else []
        if len(uploads) > DOCUMENTS:
            raise ValidationError(_("At most %(count)d photos; you chose more.") % {"count": DOCUMENTS})
        return [self._picture(number, upload) for number, upload in enumerate(uploads, start=1)]

    def _picture(self, number: int, upload) -> bytes:
        try:
            return as_document(upload)
        except ValidationError as error:
            values = {"number": number, "problem": error.message}
            raise ValidationError(_("Photo %(number)d: %(problem)s") % values) from error


class AgainForm(forms.Form):
    """The second appeal: what the first answer overlooked."""

    text = PlainTextField(
        label=gettext_lazy("What happened, in your words"),
        min_length=FEW_WORDS,
        max_length=1000,
        error_messages={
            "required": gettext_lazy("Say in a few words what is wrong."),
            "min_length": gettext_lazy("Say in a few words what is wrong."),
        },
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    documents = PhotosField(
        label=gettext_lazy("Photos of documents"),
        required=False,
        help_text=gettext_lazy(
            "If there are any: a test report, a ticket. At most 5 photos, each JPEG, PNG or WebP of at most 8 MB."
        ),
    )


class AppealForm(AgainForm):
    """What is wrong. `about_record`: only of a record of the epidemic database can one say that it is somebody else."""

    claim = forms.ChoiceField(
        label=gettext_lazy("What is wrong?"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what is wrong.")},
    )
    field_order = ("claim", "text", "documents")

    def __init__(self, *args, about_record: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["claim"].choices = [choice for choice in Claim.choices if about_record or choice[0] != Claim.NOT_ME]


class AnswerForm(forms.Form):
    """Grant or refuse, with a reason that the person reads."""

    decision = forms.ChoiceField(choices=[(verb, verb) for verb in ("grant", "refuse")])
    reason = ReasonField(max_length=1000, rows=4)
