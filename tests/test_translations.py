"""Every message of the pages is in the catalogue, translated, with the same placeholders; nothing else is."""

import re

import polib
import pytest
from django.core.management import call_command

from healthpass.management.commands.extract_translations import catalogue_path, merged, messages

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(catalogue_path()))


@pytest.fixture(scope="module")
def found() -> dict:
    return messages()


def pairs(entry: polib.POEntry) -> list[tuple[str, str]]:
    """Each message id with its translation; a plural's translations go with the plural."""
    if entry.msgid_plural:
        return [(entry.msgid_plural, text) for text in entry.msgstr_plural.values()]
    return [(entry.msgid, entry.msgstr)]


def test_extraction_would_change_nothing(catalogue, found):
    known = {(entry.msgctxt, entry.msgid): entry.msgid_plural or "" for entry in catalogue}
    assert sorted(found.keys() - known.keys(), key=str) == [], "run `make messages` and translate these"
    assert sorted(known.keys() - found.keys(), key=str) == [], "run `make messages`: these are no longer used"
    assert found == known


def test_file_is_as_extraction_writes_it(catalogue, found):
    assert str(merged(found, [catalogue])) == catalogue_path().read_text(encoding="utf-8").rstrip("\n") + "\n"


def test_everything_is_translated_and_sure(catalogue):
    assert [entry.msgid for entry in catalogue if entry.fuzzy or not entry.translated()] == []


def test_placeholders_are_kept(catalogue):
    wrong = [
        entry.msgid
        for entry in catalogue
        for source, text in pairs(entry)
        if sorted(PLACEHOLDER.findall(source)) != sorted(PLACEHOLDER.findall(text))
    ]
    assert wrong == []


def test_templates_and_code_are_both_read(found):
    assert (None, "Skip to the content") in found
    assert (None, "phone number") in found


def entry(message: str, text: str, **fields) -> polib.POEntry:
    return polib.POEntry(msgid=message, msgstr=text, **fields)


def test_new_messages_come_empty_and_unused_ones_go():
    old = polib.POFile()
    old.extend([entry("kept", "留"), entry("gone", "去"), entry("unsure", "也许", flags=["fuzzy"])])
    result = merged({(None, "kept"): "", (None, "new"): "", (None, "unsure"): ""}, [old])
    assert [(e.msgid, e.msgstr) for e in result] == [("kept", "留"), ("new", ""), ("unsure", "")]


def test_translations_come_from_the_first_file_that_has_one():
    ours, theirs = polib.POFile(), polib.POFile()
    ours.extend([entry("a", ""), entry("b", "乙")])
    theirs.extend([entry("a", "甲"), entry("b", "二"), entry("c", "丙")])
    result = merged({(None, "a"): "", (None, "b"): ""}, [ours, theirs])
    assert [(e.msgid, e.msgstr) for e in result] == [("a", "甲"), ("b", "乙")]


def test_contexts_and_plurals_are_kept_apart():
    old = polib.POFile()
    old.extend(
        [
            entry("may", "五月", msgctxt="month"),
            entry("may", "可以"),
            polib.POEntry(msgid="%(n)s day", msgid_plural="%(n)s days", msgstr_plural={0: "%(n)s 天"}),
        ]
    )
    result = merged({(None, "may"): "", ("month", "may"): "", (None, "%(n)s day"): "%(n)s days"}, [old])
    assert [(e.msgctxt, e.msgid, e.msgstr, e.msgstr_plural) for e in result] == [
        (None, "%(n)s day", "", {0: "%(n)s 天"}),
        (None, "may", "可以", {}),
        ("month", "may", "五月", {}),
    ]


def test_compiled_files_are_what_pages_show(capsys):
    call_command("compile_translations")
    assert "zh_Hans" in capsys.readouterr().out
    assert catalogue_path().with_suffix(".mo").stat().st_mtime >= catalogue_path().stat().st_mtime
