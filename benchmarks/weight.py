"""What a browser transfers when it opens a page for the first time: HTML, CSS and JavaScript, compressed."""

import gzip
import re
from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.test import Client

LINKED = re.compile(r'"(/static/[^"]+\.(?:css|m?js))"')
IMPORTED = re.compile(r"""(?:from|import|import\()\s*["'](\.[^"']+)["']""")


def kilobytes(client: Client, path: str) -> float:
    """Kilobytes (1000 bytes) of the page, its styles, its scripts and all that they import."""
    response = client.get(path)
    assert response.status_code == 200, f"{path} answered {response.status_code}"
    todo = LINKED.findall(response.content.decode())
    files: dict[str, bytes] = {}
    for url in todo:
        if url not in files:
            files[url] = (Path(settings.STATIC_ROOT) / url.removeprefix(settings.STATIC_URL)).read_bytes()
            todo.extend(urljoin(url, name) for name in IMPORTED.findall(files[url].decode()))
    return sum(len(gzip.compress(content, 6)) for content in (response.content, *files.values())) / 1000
