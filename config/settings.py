"""All settings, read from the environment once; NAME_FILE names a file with the value of NAME.

Without HUNDRED_LOCAL=1 this is a production configuration and refuses to start without its secrets. Only `make run`,
`manage.py` without DATABASE_URL and the tests switch the local mode on.
"""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from kombu import Queue

from apps.accounts import oidc_settings
from apps.accounts.allauth_settings import *  # noqa: F403 # Django reads them here
from apps.api.rest_settings import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401 # Django reads them here
from apps.core import brokers, browser_policies, service_urls
from apps.core.databases import primary_database, replica_database
from apps.core.log_format import logging_settings
from apps.core.packaged_files import map_style_hashes, plotly_bundle
from apps.core.secret_files import Environment
from config.rates import rates

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()
if _env_file := env.str("HUNDRED_ENV_FILE", str(BASE_DIR / ".env")):
    environ.Env.read_env(_env_file)

LOCAL = env.local = env.bool("HUNDRED_LOCAL", False)
DEBUG = False

# Secrets and addresses
SECRET_KEY = env.required("SECRET_KEY", secrets.token_urlsafe())
SECRET_KEY_FALLBACKS = [key.strip() for key in env.str("SECRET_KEY_FALLBACKS", "").split(",") if key.strip()]
IDENTITY_KEY = env.required("IDENTITY_KEY", secrets.token_urlsafe())
# Signs frozen results and payout lists; only the worker and the freeze commands need it. Never stored in the database.
SIGNING_KEY = env.str("SIGNING_KEY", "")
_allowed_hosts = env.required("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
ALLOWED_HOSTS = [host.strip() for host in _allowed_hosts.split(",") if host.strip()]
# The public address. Every link in a mail begins with it; requests and task messages cannot change it.
BASE_URL = service_urls.public_address(env.required("BASE_URL", "http://localhost:8000"), local=LOCAL)
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# The company
COMPANY_EMAIL_DOMAINS: list[str] = env.list("COMPANY_EMAIL_DOMAINS", default=[])
COMPANY_PHONE_REGION = env.str("COMPANY_PHONE_REGION", "CN")
HANDLE_PATTERN = env.pattern("HANDLE_PATTERN", r"[a-z][a-z0-9_.-]{0,63}")
MOST_UPLOAD_BYTES = env.int("MOST_UPLOAD_BYTES", 50_000_000)
MOST_CONTACTS_AT_ONCE = env.int("MOST_CONTACTS_AT_ONCE", 20_000)
MAX_REJECTED_BYTES_PER_EMPLOYEE = env.int("MAX_REJECTED_BYTES_PER_EMPLOYEE", 50_000_000)
MAX_CONTACTS_PER_EMPLOYEE_AND_DAY = env.int("MAX_CONTACTS_PER_EMPLOYEE_AND_DAY", 10_000)
SWEEP_INTERVAL = env.float("SWEEP_INTERVAL", 15.0)
REVIEW_REPLY_DAYS = env.int("REVIEW_REPLY_DAYS", 7)
REVIEW_ASK_DAYS = env.int("REVIEW_ASK_DAYS", 14)
RETENTION_DAYS = env.int("RETENTION_DAYS", 90)
RETENTION_LEAVER_DAYS = env.int("RETENTION_LEAVER_DAYS", 90)
# Quiet hours and days, in the recipient's zone: no notification is sent then, except security notices.
QUIET_HOURS = env.str("QUIET_HOURS", "20:00-08:00")
QUIET_DAYS: list[str] = env.list("QUIET_DAYS", default=["sat", "sun"])
NOTIFICATIONS_PER_SECOND = env.float("NOTIFICATIONS_PER_SECOND", 50.0)
# The company's chat product, for reminders and digests
DINGTALK_APP_KEY = env.str("DINGTALK_APP_KEY", "")
DINGTALK_APP_SECRET = env.str("DINGTALK_APP_SECRET", "")
DINGTALK_AGENT_ID = env.str("DINGTALK_AGENT_ID", "")
DINGTALK_URL = env.str("DINGTALK_URL", "https://oapi.dingtalk.com")
SLACK_BOT_TOKEN = env.str("SLACK_BOT_TOKEN", "")
SLACK_URL = env.str("SLACK_URL", "https://slack.com/api")
# Networks outside the public Internet into which webhooks may go; plain http:// goes into these alone.
WEBHOOK_ALLOWED_NETWORKS: list[str] = env.list("WEBHOOK_ALLOWED_NETWORKS", default=[])
COMPANY_NAME = env.str("COMPANY_NAME", "")
PRIVACY_CONTACT = env.str("PRIVACY_CONTACT", "")
# Where the audit trail is sent to (apps.exports.audit_stream)
AUDIT_STREAM = env.str("AUDIT_STREAM", "")

# Applications
INSTALLED_APPS = [
    "allauth.account", "allauth.socialaccount", "allauth.mfa", "config",
    "apps.core", "apps.employees", "apps.accounts", "apps.roster", "apps.contacts", "apps.campaigns", "apps.standings",
    "apps.results", "apps.reviews", "apps.forecasts", "apps.exports", "apps.privacy", "apps.notifications",
    "apps.backups", "apps.demo", "apps.monitoring", "apps.operations", "apps.dashboard", "apps.api",
    "apps.dashboard.admin_app.OperatorAdminConfig",
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages", "django.contrib.humanize",
    "whitenoise.runserver_nostatic", "django.contrib.staticfiles", "rest_framework", "drf_spectacular", "django_htmx",
    "csp", "lucide",
]  # fmt: skip
MIDDLEWARE = [
    "apps.monitoring.middleware.MetricsMiddleware",
    "apps.core.middleware.trusted_proxy.TrustedProxyMiddleware",
    "apps.core.middleware.request_id.RequestIdMiddleware",
    "apps.core.middleware.audit_origin.AuditOriginMiddleware",
    # Outermost, because files and redirects need the policy too.
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.compression.CompressionMiddleware",
    "apps.dashboard.middleware.page_redirect.PageRedirectMiddleware",
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
    "apps.dashboard.middleware.page_redirect.LoginRequiredMiddleware",
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
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Databases: "default" is the application's role; only `migrate` uses "owner", where it is given.
_LIMITS = {
    "statement_timeout": env.int("STATEMENT_TIMEOUT", 30_000),
    "lock_timeout": env.int("LOCK_TIMEOUT", 10_000),
    "max_age": env.int("CONN_MAX_AGE", 60),
}
_url = env.required("DATABASE_URL", "postgres://app@/hundred?host=/nonexistent")
DATABASES = {"default": primary_database("DATABASE_URL", _url, **_LIMITS)}
if _url := env.str("DATABASE_OWNER_URL", ""):
    _owner = primary_database("DATABASE_OWNER_URL", _url, **_LIMITS | {"statement_timeout": 0})
    DATABASES["owner"] = _owner | {"CONN_MAX_AGE": 0, "TEST": {"MIRROR": "default"}}
if _url := env.str("DATABASE_REPLICA_URL", ""):
    DATABASES["replica"] = replica_database("DATABASE_REPLICA_URL", _url, **_LIMITS)
REPLICA_PATIENCE = env.int("REPLICA_PATIENCE", 50)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Broker and cache hold only messages and counters; the database holds all data.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "")
# Publishing must not wait: one attempt. Workers retry by their own settings.
CELERY_BROKER_CONNECTION_TIMEOUT = brokers.CONNECT_TIMEOUT_SECONDS
CELERY_BROKER_TRANSPORT_OPTIONS = brokers.transport_options(CELERY_BROKER_URL)
CELERY_TASK_DEFAULT_QUEUE = brokers.QUEUE
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_QUEUES = [Queue(brokers.QUEUE, routing_key=brokers.QUEUE, queue_arguments=brokers.QUEUE_ARGUMENTS)]

# In a separate database of the broker, unless it has its own address.
CACHE_URL = env.str("CACHE_URL", "") or service_urls.default_cache_url(CELERY_BROKER_URL)
CACHES = {"default": service_urls.cache_settings(CACHE_URL) | {"KEY_PREFIX": "hundred"}}
RATES = rates(env)
RATES_STORAGE = service_urls.rates_storage(CACHE_URL)
# How many requests of one person the web processes work on at once; 0: any number (apps.core.concurrency).
MAX_REQUESTS_AT_ONCE = env.int("MAX_REQUESTS_AT_ONCE", 4)

# People
AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = ["apps.accounts.backends.EmployeeBackend"]
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("Argon2", "PBKDF2")]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "apps.accounts.password_validators.CompanyWordValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
]
if BREACHED_PASSWORDS := env.str("BREACHED_PASSWORDS", ""):
    AUTH_PASSWORD_VALIDATORS += [
        {"NAME": "apps.accounts.password_validators.BreachedValidator", "OPTIONS": {"path": BREACHED_PASSWORDS}}
    ]
LOGIN_URL = LOGOUT_REDIRECT_URL = "login"
LOGIN_REDIRECT_URL = "/"
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
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
APPROVAL_COOLDOWN_DAYS = env.int("APPROVAL_COOLDOWN_DAYS", 3)
# Who maintains the roster; the other ways are refused (apps.roster.ownership).
ROSTER_SOURCE = env.choice("ROSTER_SOURCE", ("file", "api", "scim"), "file")
ROSTER_APPROVAL_SHARE = env.float("ROSTER_APPROVAL_SHARE", 0.05)
# Roles that need a second factor to open pages. The demo's HR signs in with its printed password alone.
SECOND_FACTOR_ROLES: list[str] = env.list("SECOND_FACTOR_ROLES", default=[] if LOCAL else ["hr"])
oidc_settings.validate_oidc_settings(vars(), local=LOCAL)

# Language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", "UTC")

# Static files
STATIC_URL = "/static/"
# Without STATIC_ROOT, as in tests, files are served from their source folders.
STATIC_ROOT = env.str("STATIC_ROOT", "" if LOCAL else str(BASE_DIR / "var" / "static")) or None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
PLOTLY_BUNDLE = plotly_bundle(env.str("PLOTLY_BUNDLE", ""))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "apps.core.static_finders.PlotlyFinder",
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
API_PATHS = r"^(api/(?!v1/docs/$)|scim/)"
SECURE_REDIRECT_EXEMPT = [r"^health/", API_PATHS]
SECURE_HSTS_SECONDS = 0 if LOCAL else env.int("HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
# Browsers accept a cookie with this prefix only over TLS, from this host, for all paths.
COOKIE_PREFIX = "" if LOCAL else "__Host-"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid", f"{COOKIE_PREFIX}csrftoken"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}django_language"
LANGUAGE_COOKIE_SECURE, LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = not LOCAL, True, "Lax"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_ENGINE = "apps.accounts.sessions"
MESSAGE_STORAGE = "apps.accounts.message_storage.MessageStorage"
SESSION_IDLE_HOURS = env.int("SESSION_IDLE_HOURS", 72)
SESSION_IDLE_ROLE_MINUTES = env.int("SESSION_IDLE_ROLE_MINUTES", 60)
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "apps.dashboard.views.errors.csrf_failed"
CONTENT_SECURITY_POLICY = browser_policies.content_security_policy(map_style_hashes(PLOTLY_BUNDLE))
PERMISSIONS_POLICY = browser_policies.PERMISSIONS_POLICY

# Monitoring: /metrics for this token, or at this port alone (apps.monitoring.views); without both it does not exist.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
METRICS_PORT = env.int("METRICS_PORT", 0)

LOG_FORMAT = env.str("LOG_FORMAT", "text")
LOGGING = logging_settings(env.str("LOG_LEVEL", "INFO"), LOG_FORMAT)
