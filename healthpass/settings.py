"""All settings. Only this file reads the environment; `.env.example` explains each variable.

Production has no insecure default: with DEBUG off, a missing secret is an error that names the variable.
"""

from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)


def secret(name: str, *, development: str) -> str:
    """The variable's value; the given stand-in serves with DEBUG on only."""
    return env.str(name, default=development) if DEBUG else env.str(name)


SECRET_KEY = secret("SECRET_KEY", development="for-development-only-" + "x" * 40)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"] if DEBUG else [])
PUBLIC_URL = secret("PUBLIC_URL", development="http://127.0.0.1:8000").rstrip("/")
REGION = env.int("REGION", default=210000)  # GB/T 2260
FIELD_KEYS = secret("FIELD_KEYS", development="ZGV2ZWxvcG1lbnQtb25seS1maWVsZC1rZXktMDAwMDE=").split(",")
LOOKUP_KEY = secret("LOOKUP_KEY", development="for-development-only-lookup-key")
TOKEN_KEYS = secret(
    "TOKEN_KEYS",
    development="01:2026-01-01::"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg29kMYVVATsAljzPjBHhpR2Fkk4B6PFsPkGf/fdsFWVqhRANCAARX"
    "rY4eiyjrSUkJSLgepqI6lZqeUQYhwDw78MPDB4DLMr0MX4kyh0cm1sYwiZs5sQg1E1ibvnWTlJKB2ivCGfbC",
)
SMS_URL = secret("SMS_URL", development="console:")
# Notices to accounts without a phone; without it the machine's own mail server.
EMAIL = env.email("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25")
vars().update({name: value for name, value in EMAIL.items() if name.startswith("EMAIL_")})
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="webmaster@localhost")
IDENTITY_URL = secret("IDENTITY_URL", development="accept:")
NATIONAL_URL = env.str("NATIONAL_URL", default="")
FACE_CHECK_FOR_SELF = env.bool("FACE_CHECK_FOR_SELF", default=False)
RISK_ALONE_LIMIT = env.int("RISK_ALONE_LIMIT", default=100)
RISK_DRAFT_DAYS = env.int("RISK_DRAFT_DAYS", default=14)
LOOKS_AN_HOUR = env.int("LOOKS_AN_HOUR", default=60)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
FACE_LIMITS = env.str("FACE_LIMITS", default="")

INSTALLED_APPS = [
    "healthpass",
    "accounts",
    "declarations",
    "passcodes",
    "institutions",
    "scanning",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "healthpass.middleware.hot_paths",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "healthpass.middleware.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "healthpass.urls"
WSGI_APPLICATION = "healthpass.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ],
        },
    },
]
FORM_RENDERER = "healthpass.forms.FieldRenderer"

# Database: PostgreSQL in production; a SQLite file in WAL mode without configuration.
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
DATABASE = DATABASES["default"]
DATABASE["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=600)
DATABASE["CONN_HEALTH_CHECKS"] = True
if DATABASE["ENGINE"].endswith("sqlite3"):
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # What is deleted is overwritten in the file: pictures of faces go for good.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;",
    }
    # In-memory databases lock whole tables between threads; a file in WAL mode does not.
    DATABASE["TEST"] = {"NAME": BASE_DIR / "var" / "test.sqlite3"}
else:
    DATABASE["ENGINE"] = "healthpass.postgresql"
    # A statement is planned once a connection, after five uses, and that plan kept: planning is most of the hot paths'
    # database time, and with partitions PostgreSQL would choose to plan the scan's statement anew each time.
    DATABASE.setdefault("OPTIONS", {}).update(
        {"server_side_binding": True, "prepare_threshold": 5, "options": "-c plan_cache_mode=force_generic_plan"}
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}

# In a signed cookie, so that a page without personal state needs no session to show them.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# Sign-in
AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.StaffBackend",
    "accounts.backends.OneTimeCodeBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
SESSION_COOKIE_AGE = int(timedelta(days=90).total_seconds())
STAFF_SESSION_AGE = timedelta(hours=12)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "healthpass.views.csrf_failure"
OTP_TOTP_ISSUER = "Health Pass"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "accounts.backends.axes_username"
AXES_CLIENT_IP_CALLABLE = "accounts.limits.client_address"
AXES_LOCKOUT_CALLABLE = "accounts.views.locked_out"
# Never stored or logged: what the form holds, and in log lines who tried from where.
AXES_SENSITIVE_PARAMETERS = ["phone", "password", "digits", "csrfmiddlewaretoken", "next", "username", "ip_address"]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # 15 minutes are 15 minutes
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

# Languages and time
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_I18N = USE_TZ = True

# Static files; npm fills the vendor folders (`make run` does it), and pages fall back where they are missing.
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
NODE_MODULES = BASE_DIR / "node_modules"
VENDOR = {
    "vendor/zxing": NODE_MODULES / "zxing-wasm/dist/iife/reader",
    "vendor/zxing-wasm": NODE_MODULES / "zxing-wasm/dist/reader",
    "vendor/lean-qr": NODE_MODULES / "lean-qr",
}
STATICFILES_DIRS = [BASE_DIR / "static", *((prefix, path) for prefix, path in VENDOR.items() if path.is_dir())]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "healthpass.storage.HashedStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# What a browser may load: our own origin only, nothing inline. Views that need more say so with a decorator.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = not DEBUG and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 0 if DEBUG else int(timedelta(days=365).total_seconds())
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG

# Bytes: of a body without its files, and of a file that is held in memory. No larger list of risk data is uploaded
# (`risk_admin.UPLOAD_LIMIT`), so that none is written to the disk; photos have limits of their own (`uploads.bounded`).
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 10_000_000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "axes": {"level": "WARNING"},
        # What was refused or not found is not worth a line, and the address of a scanned code holds its token.
        "django.request": {"level": "ERROR"},
    },  # it tells of every sign-in
    "root": {"handlers": ["console"], "level": "INFO"},
}
