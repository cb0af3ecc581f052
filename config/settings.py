"""All settings, read from the environment once; NAME_FILE names a file with the value of NAME.

Without HUNDRED_LOCAL=1 this is a production configuration and refuses to start without its secrets. Only `make run`,
`manage.py` without DATABASE_URL and the tests switch the local mode on.
"""

import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

from apps.accounts import oidc_settings
from apps.core import brokers, service_urls
from apps.core.packaged_files import map_style_hashes, plotly_bundle
from apps.core.secret_files import Environment

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
if _env_file := env.str("HUNDRED_ENV_FILE", str(BASE_DIR / ".env")):
    environ.Env.read_env(_env_file)

LOCAL = env.bool("HUNDRED_LOCAL", False)
DEBUG = False


def _required(name: str, local: str) -> str:
    """A value without which production does not start; `local` replaces it for tools that only read the code."""
    value = env.str(name, "")
    if value or LOCAL:
        return value or local
    raise ImproperlyConfigured(f"{name} is not set. See .env.example; `make run` needs none of it.")


def _pattern(text: str) -> str:
    """A regular expression from the environment."""
    try:
        re.compile(text, re.ASCII)
    except re.error as error:
        raise ImproperlyConfigured(f"{text!r} is no regular expression: {error}") from error
    return text


# Secrets and addresses
SECRET_KEY = _required("SECRET_KEY", secrets.token_urlsafe())
# Earlier keys, which still verify and decrypt older values.
SECRET_KEY_FALLBACKS = [key.strip() for key in env.str("SECRET_KEY_FALLBACKS", "").split(",") if key.strip()]
IDENTITY_KEY = _required("IDENTITY_KEY", secrets.token_urlsafe())
# Signs frozen results and payout lists; only the worker and the freeze commands need it. Never stored in the database.
SIGNING_KEY = env.str("SIGNING_KEY", "")
_allowed_hosts = _required("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
ALLOWED_HOSTS = [host.strip() for host in _allowed_hosts.split(",") if host.strip()]
# The public address. Every link in a mail begins with it; requests and task messages cannot change it.
BASE_URL = service_urls.public_address(_required("BASE_URL", "http://localhost:8000"), local=LOCAL)
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# The company
COMPANY_EMAIL_DOMAINS: list[str] = env.list("COMPANY_EMAIL_DOMAINS", default=[])
COMPANY_PHONE_REGION = env.str("COMPANY_PHONE_REGION", "CN")
# A handle of the messaging product without its @: a regular expression for the whole handle, ignoring case.
HANDLE_PATTERN = _pattern(env.str("HANDLE_PATTERN", r"[a-z][a-z0-9_.-]{0,63}"))
# Limits of one upload of contacts; photos in cards are most of its bytes.
MOST_UPLOAD_BYTES = env.int("MOST_UPLOAD_BYTES", 50_000_000)
MOST_CONTACTS_AT_ONCE = env.int("MOST_CONTACTS_AT_ONCE", 20_000)
# Rejected lines stored per employee for correction, in bytes.
MAX_REJECTED_BYTES_PER_EMPLOYEE = env.int("MAX_REJECTED_BYTES_PER_EMPLOYEE", 50_000_000)
# Contacts that one employee may record on a day of TIME_ZONE, in any way except the trusted feed.
MAX_CONTACTS_PER_EMPLOYEE_AND_DAY = env.int("MAX_CONTACTS_PER_EMPLOYEE_AND_DAY", 10_000)
SWEEP_INTERVAL = env.float("SWEEP_INTERVAL", 15.0)
# Calendar days: HR must answer a review within the first, and an employee may request one after a freeze within the
# second.
REVIEW_REPLY_DAYS = env.int("REVIEW_REPLY_DAYS", 7)
REVIEW_ASK_DAYS = env.int("REVIEW_ASK_DAYS", 14)
# Days that contacts are stored after the last possible review and after their employee has left; 0: no limit.
RETENTION_DAYS = env.int("RETENTION_DAYS", 90)
RETENTION_LEAVER_DAYS = env.int("RETENTION_LEAVER_DAYS", 90)
# The contact for personal data on the public page: the company's name, and an e-mail or https address.
COMPANY_NAME = env.str("COMPANY_NAME", "")
PRIVACY_CONTACT = env.str("PRIVACY_CONTACT", "")

# Applications
INSTALLED_APPS = [
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "config",
    "apps.core",
    "apps.employees",
    "apps.accounts",
    "apps.roster",
    "apps.contacts",
    "apps.campaigns",
    "apps.standings",
    "apps.results",
    "apps.reviews",
    "apps.exports",
    "apps.privacy",
    "apps.backups",
    "apps.demo",
    "apps.operations",
    "apps.dashboard",
    "apps.api",
    "apps.dashboard.admin_app.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "csp",
    "lucide",
]
MIDDLEWARE = [
    "apps.core.middleware.trusted_proxy.TrustedProxyMiddleware",
    "apps.core.middleware.audit_origin.AuditOriginMiddleware",
    # Outermost, because files and redirects need the policy too.
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.compression.CompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "apps.api.tls_required_middleware.ApiTlsRequiredMiddleware",
    "apps.dashboard.middleware.request_size_limit.RequestSizeLimitMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before the CSRF check: its refusals must be counted.
    "apps.dashboard.middleware.rate_limit.RateLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.middleware.idle_session.IdleSessionMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.accounts.middleware.second_factor_required.SecondFactorRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.core.middleware.read_replica.ReadReplicaMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "apps.dashboard.template_constants.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "apps.dashboard.form_renderer.Renderer"

# Databases: "default" is the application's role; only `migrate` uses "owner", where it is given.
_STATEMENT_TIMEOUT = env.int("STATEMENT_TIMEOUT", 30_000)
_LOCK_TIMEOUT = env.int("LOCK_TIMEOUT", 10_000)


def _database(name: str, url: str, *, statement_timeout: int, **connecting: str) -> dict[str, Any]:
    """A PostgreSQL connection with time limits in milliseconds, 0 for none. `connecting`: defaults the URL may
    change.
    """
    database: dict[str, Any] = env.db_url_config(url)
    if database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured(f"{name} must name a PostgreSQL database: postgres://user:password@host/name")
    # JIT compiles longer than any statement here runs. A statement whose client has died ends within a second, and its
    # session's locks with it.
    limits = "-c jit=off -c client_connection_check_interval=1000"
    limits += f" -c lock_timeout={_LOCK_TIMEOUT} -c statement_timeout={statement_timeout}"
    options = {"connect_timeout": "5"} | connecting | database.get("OPTIONS", {})
    # The data is in memory or on an SSD: reading a page by an index costs no more than in sequence.
    options["options"] = " ".join(filter(None, ("-c random_page_cost=1.1", options.get("options"), limits)))
    return database | {"OPTIONS": options, "CONN_MAX_AGE": env.int("CONN_MAX_AGE", 60), "CONN_HEALTH_CHECKS": True}


_database_url = _required("DATABASE_URL", "postgres://app@/hundred?host=/nonexistent")
DATABASES = {"default": _database("DATABASE_URL", _database_url, statement_timeout=_STATEMENT_TIMEOUT)}
if _owner_url := env.str("DATABASE_OWNER_URL", ""):
    DATABASES["owner"] = _database("DATABASE_OWNER_URL", _owner_url, statement_timeout=0)
    DATABASES["owner"] |= {"CONN_MAX_AGE": 0, "TEST": {"MIRROR": "default"}}
# A standby that reports and files read while it is up to date (apps.core.read_replica), and the milliseconds it has to
# catch up.
REPLICA_PATIENCE = env.int("REPLICA_PATIENCE", 50)
if _replica_url := env.str("DATABASE_REPLICA_URL", ""):
    # Give up an unreachable standby within seconds; for the primary it is worth waiting longer.
    DATABASES["replica"] = _database(
        "DATABASE_REPLICA_URL", _replica_url, statement_timeout=_STATEMENT_TIMEOUT, connect_timeout="2",
        tcp_user_timeout="3000", keepalives_idle="2", keepalives_interval="1", keepalives_count="3",
    )  # fmt: skip
    DATABASES["replica"]["OPTIONS"]["options"] += " -c default_transaction_read_only=on"
    # Each read scope begins with a query, which finds a broken connection.
    DATABASES["replica"] |= {"CONN_HEALTH_CHECKS": False, "TEST": {"MIRROR": "default"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Broker and cache hold only messages and counters; the database holds all data.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Publishing must not wait: one attempt. Workers retry by their own settings.
CELERY_BROKER_CONNECTION_TIMEOUT = brokers.CONNECT_TIMEOUT_SECONDS
CELERY_BROKER_TRANSPORT_OPTIONS = brokers.transport_options(CELERY_BROKER_URL)
CELERY_TASK_DEFAULT_QUEUE = brokers.QUEUE
CELERY_TASK_QUEUES = [Queue(brokers.QUEUE, routing_key=brokers.QUEUE, queue_arguments=brokers.QUEUE_ARGUMENTS)]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 1500
CELERY_TASK_TIME_LIMIT = 1800
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
# Writers to the broker are not trusted: a worker takes task names and ids from it, and no commands.
CELERY_WORKER_CONSUMER = "apps.core.task_messages:Consumer"
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False

# In a separate database of the broker, unless it has its own address.
CACHE_URL = env.str("CACHE_URL", "") or service_urls.cache_of(CELERY_BROKER_URL)
if CACHE_URL:
    # Celery writes a socket's address as redis+socket://, the client library as unix://.
    _location = CACHE_URL.replace("redis+socket://", "unix://", 1)
    _cache = {"BACKEND": "apps.core.cache.PlainRedisCache", "LOCATION": _location}
else:
    # With the default of 300 entries, typing many names would evict the counters of other users.
    _cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
CACHES = {"default": _cache | {"KEY_PREFIX": "hundred"}}
# Rate limits: a number per second, minute or hour, or "off" (apps.core.rate_limits).
RATES = {
    "sign_in": env.str("RATE_SIGN_IN", "600/minute"),
    "stranger": env.str("RATE_STRANGER", "6000/minute"),
    "read": env.str("RATE_READ", "1200/minute"),
    "write": env.str("RATE_WRITE", "300/minute"),
    "upload": env.str("RATE_UPLOAD", "30/minute"),
    "people": env.str("RATE_PEOPLE", "3000/minute"),
    "export": env.str("RATE_EXPORT", "30/minute"),
}
RATES_STORAGE = _location.replace("unix://", "redis+unix://", 1) if CACHE_URL else "memory://"

# People
AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = ["apps.accounts.backends.EmployeeBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("UserAttributeSimilarity", "CommonPassword", "NumericPassword")
]
AUTH_PASSWORD_VALIDATORS += [{"NAME": "apps.accounts.password_validators.CompanyWordValidator"}]
AUTH_PASSWORD_VALIDATORS += [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}}
]
# A local list of leaked passwords (apps.accounts.breached_passwords).
if BREACHED_PASSWORDS := env.str("BREACHED_PASSWORDS", ""):
    AUTH_PASSWORD_VALIDATORS += [
        {"NAME": "apps.accounts.password_validators.BreachedValidator", "OPTIONS": {"path": BREACHED_PASSWORDS}}
    ]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
# The company's OpenID provider; there is none without an issuer.
OIDC_ISSUER = env.str("OIDC_ISSUER", "")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", "")
OIDC_NAME = env.str("OIDC_NAME", "") or urlsplit(OIDC_ISSUER).hostname or ""
OIDC_SCOPES = env.str("OIDC_SCOPES", "openid profile email").split()
OIDC_STAFF_NO_CLAIM = env.str("OIDC_STAFF_NO_CLAIM", "")
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", "")
OIDC_HR_GROUP = env.str("OIDC_HR_GROUP", "")
OIDC_SESSION_HOURS = env.int("OIDC_SESSION_HOURS", 12)
OIDC_SECOND_FACTOR = env.bool("OIDC_SECOND_FACTOR", False)
PASSWORD_SIGN_IN = env.bool("PASSWORD_SIGN_IN", True)
# Days after a change of its address, second factor or role in which an account takes part in no approval by two
# persons.
APPROVAL_COOLDOWN_DAYS = env.int("APPROVAL_COOLDOWN_DAYS", 3)
# A roster load that ends, moves, renames or adds more than this share of the employees needs a second person; 0: any
# that ends, moves or renames an employee, or adds two.
ROSTER_APPROVAL_SHARE = env.float("ROSTER_APPROVAL_SHARE", 0.05)
# Roles that need a second factor to open pages. The demo's HR signs in with its printed password alone.
SECOND_FACTOR_ROLES: list[str] = env.list("SECOND_FACTOR_ROLES", default=[] if LOCAL else ["hr"])
oidc_settings.validate_oidc_settings(vars(), local=LOCAL)
# Only allauth's requests to and from the provider are used; none of its own pages is open (config.urls).
ACCOUNT_USER_MODEL_USERNAME_FIELD = "login"
ACCOUNT_EMAIL_VERIFICATION = "none"
# Its limits count by account, so that a guesser can lock out the owner; Hundred's are in
# apps.accounts.login_throttling.
ACCOUNT_RATE_LIMITS = False
SOCIALACCOUNT_ADAPTER = "apps.accounts.openid.NoRedirects"
MFA_ADAPTER = "apps.accounts.second_factors.Secrets"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # accept the code of the half minute before or after: phones' clocks are inexact

# Language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", "UTC")

# Static files
STATIC_URL = "/static/"
# Locally the files are served from their source folders, so that a changed style sheet shows at once. With STATIC_ROOT
# they are served from the collected folder, as on servers.
STATIC_ROOT = env.str("STATIC_ROOT", "" if LOCAL else str(BASE_DIR / "var" / "static")) or None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
# The script that draws charts.
PLOTLY_BUNDLE = plotly_bundle(env.str("PLOTLY_BUNDLE", ""))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "apps.core.static_finders.PackagedFinder",
]
_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
if WHITENOISE_USE_FINDERS:
    _STORAGE = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STORAGE},
}

# Mail
vars().update(env.email_url("EMAIL_URL", "consolemail://" if LOCAL else "smtp://localhost:25"))
# `make run` sends no mail: it stores each in a file in this folder.
if LOCAL and (_mails := env.str("HUNDRED_MAILS", "")):
    EMAIL_BACKEND, EMAIL_FILE_PATH = "apps.localstack.mail.FileMailBackend", _mails
EMAIL_TIMEOUT = 10  # seconds: an unresponsive mail server must block no task
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", "hundred@localhost")

# Security: everything is on except in the local mode, which has no TLS.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL
# The paths of the API (apps.api.tls_required_middleware). Its description is a page.
FOR_PROGRAMS = r"^api/(?!v1/docs/$)"
SECURE_REDIRECT_EXEMPT = [r"^health/", FOR_PROGRAMS]
SECURE_HSTS_SECONDS = 0 if LOCAL else env.int("HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
# Browsers accept a cookie with this prefix only over TLS, from this host, for all paths.
COOKIE_PREFIX = "" if LOCAL else "__Host-"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid", f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
LANGUAGE_COOKIE_SECURE, LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = not LOCAL, True, "Lax"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_ENGINE = "apps.accounts.sessions"
# A session that is unused for this long ends: for all users, and for users with a role.
SESSION_IDLE_HOURS = env.int("SESSION_IDLE_HOURS", 72)
SESSION_IDLE_ROLE_MINUTES = env.int("SESSION_IDLE_ROLE_MINUTES", 60)
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "apps.dashboard.views.errors.csrf_failed"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        **{key: [NONE] for key in ["default-src", "frame-ancestors", "base-uri", "object-src"]},
        **{key: [SELF] for key in ["script-src", "font-src", "connect-src", "manifest-src", "form-action"]},
        "style-src": [SELF, *map_style_hashes(PLOTLY_BUNDLE)],
        "img-src": [SELF, "data:", "blob:"],  # blob: for the chart's own download button
    },
}
# Browser features that no page needs.
_UNNEEDED = "accelerometer camera display-capture geolocation gyroscope magnetometer microphone midi payment serial usb"
PERMISSIONS_POLICY: dict[str, list[str]] = {feature: [] for feature in _UNNEEDED.split()}

# REST
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.api.authentication.TokenSignIn", "apps.api.authentication.SessionSignIn"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "apps.api.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.api.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.api.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Hundred",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Docstrings are for developers, in English; the published texts are translated.
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "apps.core.log_format.Line", "fmt": "{asctime} {levelname} {name} {message}", "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # It would reveal which passkey was used; the audit trail has that without its name.
        "fido2": {"level": "WARNING"},
    },
}
