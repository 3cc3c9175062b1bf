"""Django settings, built from an opened Bienho. Nothing is read from the environment here."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command

from bienho.database import Role
from bienho.portal.assets import build_assets
from bienho.portal.house import House

HERE = Path(__file__).parent
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def build_settings(house: House) -> dict[str, Any]:
    """All settings. The session key is derived from the home's key, so it dies with it."""
    run = house.home.run_dir / "portal"
    production = house.home.mode == "production"
    return {
        "BIENHO_HOUSE": house,
        "SECRET_KEY": base64.b64encode(house.keys.derive("portal")).decode(),
        "DEBUG": False,
        "ALLOWED_HOSTS": allowed_hosts(house),
        "ROOT_URLCONF": "bienho.portal.urls",
        "WSGI_APPLICATION": None,
        "INSTALLED_APPS": [
            "django.contrib.staticfiles",
            "bienho.portal.apps.PortalConfig",
        ],
        "MIDDLEWARE": [
            "bienho.portal.middleware.Proxy",
            "bienho.portal.middleware.SecurityHeaders",
            "whitenoise.middleware.WhiteNoiseMiddleware",
            "django.middleware.gzip.GZipMiddleware",
            "bienho.portal.middleware.Language",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "bienho.portal.middleware.SignedIn",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [HERE / "templates", HERE],
                "OPTIONS": {
                    "builtins": ["django.templatetags.static", "bienho.portal.templatetags.bienho"],
                    "context_processors": ["django.template.context_processors.request"],
                },
            }
        ],
        "DATABASES": {"default": _database(house.database.parameters(Role.PORTAL))},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "CSRF_COOKIE_NAME": "__Host-bienho-form" if production else "bienho_form",
        "CSRF_COOKIE_SECURE": production,
        "CSRF_COOKIE_AGE": None,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_FAILURE_VIEW": "bienho.portal.views.errors.csrf_failure",
        "STATIC_URL": "/tinh/",
        "STATIC_ROOT": run / "static",
        "STATICFILES_DIRS": [run / "assets"],
        "STORAGES": {
            "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
            "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        },
        "WHITENOISE_KEEP_ONLY_HASHED_FILES": True,
        "USE_I18N": False,
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1024 * 1024,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": 500,
        "DATA_UPLOAD_MAX_NUMBER_FILES": 1,
        # Memory only: the usual handler puts a larger file on the disk, with names of patients in clear.
        "FILE_UPLOAD_HANDLERS": ["django.core.files.uploadhandler.MemoryFileUploadHandler"],
        "FILE_UPLOAD_MAX_MEMORY_SIZE": house.limits.delivery_bytes + 1024 * 1024,
        "SILENCED_SYSTEM_CHECKS": [],
        # Django's own log lines carry addresses as typed and texts of exceptions: either may hold a value.
        "LOGGING": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"nowhere": {"class": "logging.NullHandler"}},
            "loggers": {"django": {"handlers": ["nowhere"], "propagate": False}},
        },
    }


def allowed_hosts(house: House) -> list[str]:
    """Names this portal answers to: this machine's own, and the one of `doors.yaml`."""
    named = [house.doors.host] if house.doors.host else []
    return [*LOOPBACK, *named, *([] if house.home.mode == "production" else ["testserver"])]


def _database(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": str(parameters["host"]),
        "PORT": str(parameters.get("port", "")),
        "NAME": parameters["dbname"],
        "USER": parameters["user"],
        "PASSWORD": parameters["password"],
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"options": "-c search_path=portal"},
    }


def set_up(house: House) -> None:
    """Configure Django for this process (once), bring its tables and static files up to date."""
    if settings.configured:
        settings.BIENHO_HOUSE, settings.ALLOWED_HOSTS = house, allowed_hosts(house)
        return
    built = build_settings(house)
    settings.configure(**built)
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    run = house.home.run_dir / "portal"
    if build_assets(run / "assets") or not (run / "static" / "staticfiles.json").exists():
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
