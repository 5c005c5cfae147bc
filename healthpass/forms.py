"""How every form of the resident pages renders."""

from django.forms.renderers import TemplatesSetting


class FieldRenderer(TemplatesSetting):
    """One field template for all: label, help, error and input tied together for screen readers."""

    field_template_name = "components/field.html"
