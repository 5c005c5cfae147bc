"""Registers the checks of the deployment, and what each app keeps of people."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from healthpass import checks


class HealthPassConfig(AppConfig):
    name = "healthpass"

    def ready(self) -> None:
        checks.register()
        autodiscover_modules("my_data")
