"""Bring the translations' message ids in line with code and templates, without gettext's programs."""

import io
from collections.abc import Iterator
from pathlib import Path

import polib
from babel.messages.extract import extract
from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

from healthpass.lib.retention import lines

LANGUAGE = "zh-hans"
KEYWORDS = {
    **dict.fromkeys(["_", "gettext", "gettext_lazy", "gettext_noop"]),
    **dict.fromkeys(["ngettext", "ngettext_lazy"], (1, 2)),
    **dict.fromkeys(["pgettext", "pgettext_lazy"], ((1, "c"), 2)),
    **dict.fromkeys(["npgettext", "npgettext_lazy"], ((1, "c"), 2, 3)),
}
SKIPPED = {"migrations", "tests"}
METADATA = {
    "Project-Id-Version": "health-pass",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=1; plural=0;",
}

# What tells messages apart: context (None = none) and message id.
Key = tuple[str | None, str]


class Command(BaseCommand):
    help = (
        "Update locale/zh_Hans: message ids that are new come in without a translation, those no longer used go."
        " Nothing is guessed, sorted by message id, without line numbers."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--from",
            dest="sources",
            nargs="+",
            type=Path,
            default=[],
            metavar="FILE",
            help="take translations that are missing from these .po files, the first that has one",
        )

    def handle(self, *, sources: list[Path], **options):
        path = catalogue_path()
        before = polib.pofile(str(path)) if path.exists() else polib.POFile()
        known = [before, *(polib.pofile(str(source)) for source in sources)]
        after = merged(messages(), known)
        path.parent.mkdir(parents=True, exist_ok=True)
        after.save(str(path))
        missing = [entry.msgid for entry in after if not entry.translated()]
        self.stdout.write(f"{path.relative_to(settings.BASE_DIR)}: {len(after)} messages, {len(missing)} untranslated.")
        for message in missing:
            self.stdout.write(f"  {message}")


def catalogue_path() -> Path:
    """The file that the command keeps."""
    return Path(settings.LOCALE_PATHS[0]) / to_locale(LANGUAGE) / "LC_MESSAGES" / "django.po"


def merged(found: dict[Key, str], known: list[polib.POFile]) -> polib.POFile:
    """A catalogue of the found messages, each with its translation from the first of `known` that has one."""
    translations: dict[tuple, polib.POEntry] = {}
    for entry in (entry for catalogue in known for entry in catalogue):
        if entry.translated() and not entry.fuzzy:
            translations.setdefault((entry.msgctxt, entry.msgid, bool(entry.msgid_plural)), entry)
    catalogue = polib.POFile(wrapwidth=0)
    catalogue.metadata = METADATA
    for (context, message), plural in sorted(found.items(), key=lambda item: (item[0][1], item[0][0] or "")):
        old = translations.get((context, message, bool(plural)))
        catalogue.append(
            polib.POEntry(
                msgctxt=context,
                msgid=message,
                msgid_plural=plural,
                msgstr="" if plural or not old else old.msgstr,
                msgstr_plural=(old.msgstr_plural if old else {0: ""}) if plural else {},
                flags=["python-format"] if "%(" in message else [],
            )
        )
    return catalogue


def messages() -> dict[Key, str]:
    """Every message of our apps and templates -> its plural, "" for those without."""
    found: dict[Key, str] = {}
    for path, source in sources():
        for _, names, _, context in extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS):
            message, plural = names if isinstance(names, tuple) else (names, "")
            if found.setdefault((context, message), plural) != plural:
                raise ValueError(f"{path}: {message!r} is used with two plurals, or with and without")
    return found


def sources() -> Iterator[tuple[Path, str]]:
    """Python files as they are, and templates and the retention file turned into the calls that they stand for."""
    ours = [Path(config.path) for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR]
    for folder in sorted(ours):
        for path in sorted(folder.rglob("*.py")):
            if not SKIPPED & set(path.relative_to(folder).parts):
                yield path, path.read_text(encoding="utf-8")
    templates = [*(settings.BASE_DIR / "templates").rglob("*.html"), *(settings.BASE_DIR / "templates").rglob("*.txt")]
    for path in sorted(templates):
        calls = templatize(path.read_text(encoding="utf-8"), origin=str(path))
        # Markup's indentation means nothing to Python: each line stands for itself.
        yield path, "\n".join(line.strip() for line in calls.splitlines())
    yield settings.BASE_DIR / "retention.toml", "\n".join(f"_({text!r})" for text in retention_texts())


def retention_texts() -> Iterator[str]:
    """What people read of the retention file."""
    for line in lines():
        if line.what:
            yield from (text for text in (line.what, line.why, line.ends) if text)
