"""What import-linter is told of the modules: it takes names, not patterns, so none may be forgotten."""

import re
import tomllib

from django.conf import settings

APPS = ("accounts", "declarations", "passcodes", "institutions", "scanning")
IS_EDGE = re.compile(r"(\w+_)?(views|forms|urls|admin|pages)").fullmatch


def test_every_module_at_the_edge_of_an_app_is_protected():
    tool = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (contract,) = [one for one in tool["importlinter"]["contracts"] if one["name"].startswith("Nobody imports another")]
    named = set(contract["protected_modules"])
    found = {(app, path.stem) for app in APPS for path in (settings.BASE_DIR / app).glob("*.py") if IS_EDGE(path.stem)}
    assert [f"{app}.{name}" for app, name in sorted(found) if not {f"{app}.{name}", f"*.{name}"} & named] == []
    assert [name for name in named if not name.startswith("*.") and tuple(name.split(".")) not in found] == []
