"""Registers the checks of the deployment."""

from django.apps import AppConfig

from healthpass import checks


class HealthPassConfig(AppConfig):
    name = "healthpass"

    def ready(self) -> None:
        checks.register()
