"""Static files under hashed names, kept by browsers for a year."""

from functools import cache

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Also rewrites the imports between JavaScript modules, which Django leaves alone by default."""

    support_js_module_import_aggregation = True
    manifest_strict = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.url = cache(self.url)  # names do not change while a process lives, and a page has many
