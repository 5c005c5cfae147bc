"""What every officer who decides about somebody says, and that person reads."""

from django import forms
from django.utils.translation import gettext_lazy

from declarations.fields import PlainTextField

FEW_WORDS = 4  # characters: in Chinese a reason
GIVE_ONE = gettext_lazy("Give a reason in a few words.")


class ReasonField(PlainTextField):
    """Why it was decided so, in a few words at the least."""

    def __init__(self, *, max_length: int, rows: int):
        super().__init__(
            label=gettext_lazy("Reason"),
            min_length=FEW_WORDS,
            max_length=max_length,
            error_messages={"required": GIVE_ONE, "min_length": GIVE_ONE},
            widget=forms.Textarea(attrs={"rows": rows}),
        )
