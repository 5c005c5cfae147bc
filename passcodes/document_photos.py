"""Photos of documents that people upload in a form."""

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from passcodes import pictures
from passcodes.findings import DEFAULT_LIMITS, PictureFinding

SIDE = 1600  # pixels of the longer side: what is printed has to be read in it
QUALITY = 85


def as_document(upload: UploadedFile) -> bytes:
    """A JPEG without metadata. Raises ValidationError, which says what to do instead."""
    if upload.size > DEFAULT_LIMITS.bytes:
        raise ValidationError(PictureFinding.TOO_LARGE.label)
    try:
        return pictures.as_jpeg(pictures.load(upload.read(), side=SIDE, heic_too=False), QUALITY)
    except pictures.HeicNotTaken as error:
        raise ValidationError(_("This is a HEIC picture. Save it as JPEG, or take a screenshot of it.")) from error
    except pictures.PictureError as error:
        is_none = error.finding == PictureFinding.NOT_A_PICTURE  # whose words name HEIC too, as photos of faces may be
        raise ValidationError(
            _("This is not a JPEG, PNG or WebP picture.") if is_none else error.finding.label
        ) from error
