"""Static files under hashed names, kept by browsers for a year."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Also rewrites the imports between JavaScript modules, which Django leaves alone by default."""

    support_js_module_import_aggregation = True
    manifest_strict = False
