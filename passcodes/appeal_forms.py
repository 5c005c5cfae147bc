"""What somebody sends who appeals, and what an officer answers."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from declarations.fields import PlainTextField
from passcodes import pictures
from passcodes.appeal_models import Claim
from passcodes.findings import DEFAULT_LIMITS, PictureFinding

DOCUMENTS = 5
SIDE = 1600  # pixels of the longer side: a test report has to be read in it
QUALITY = 85
FEW_WORDS = 4  # characters: in Chinese a reason


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
            if upload.size > DEFAULT_LIMITS.bytes:
                raise pictures.PictureError(PictureFinding.TOO_LARGE)
            return pictures.as_jpeg(pictures.load(upload.read(), side=SIDE, heic_too=False), QUALITY)
        except pictures.HeicNotTaken as error:
            problem = _("This is a HEIC picture. Save it as JPEG, or take a screenshot of it.")
            raise self._refusal(number, problem) from error
        except pictures.PictureError as error:
            raise self._refusal(number, error.finding.label) from error

    def _refusal(self, number: int, problem: str) -> ValidationError:
        return ValidationError(_("Photo %(number)d: %(problem)s") % {"number": number, "problem": problem})


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
    reason = PlainTextField(
        label=gettext_lazy("Reason"),
        min_length=FEW_WORDS,
        max_length=1000,
        error_messages={
            "required": gettext_lazy("Give a reason in a few words."),
            "min_length": gettext_lazy("Give a reason in a few words."),
        },
        widget=forms.Textarea(attrs={"rows": 4}),
    )
