"""The files for a proxy: its configuration, a compose file with Redis and Postgres, and a template of its variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ingate.proxy.models import Collector

if TYPE_CHECKING:
    from ingate.catalog import Catalog
    from ingate.config import Config
    from ingate.gateway.routing import Router
    from ingate.proxy.models import Models

CONFIG_FILE: Final = "litellm-config.yaml"
COMPOSE_FILE: Final = "docker-compose.yaml"
ENV_FILE: Final = ".env.example"
MASTER_KEY: Final = "LITELLM_MASTER_KEY"
_IMAGE: Final = "docker.litellm.ai/berriai/litellm:main-stable"
_CONFIG_HEAD: Final = """\
# A LiteLLM proxy's configuration, written by `ingate proxy export`. It contains no key: `os.environ/NAME` is read from the
# proxy's environment. Start it with `docker compose up` beside this file, or here with `ingate proxy up`.
"""
_COMPOSE_HEAD: Final = """\
# A LiteLLM proxy with Redis (limits and cooldowns shared by all replicas) and Postgres (keys, budgets, spend).
# Written by `ingate proxy export`. Copy .env.example to .env, fill it in, then: docker compose up -d
# For production, pin the images to releases.
"""


@dataclass(frozen=True, slots=True)
class Export:
    """The output of `ingate proxy export`.

    Attributes:
        files: File name → text.
        models: The models in them.
    """

    files: dict[str, str]
    models: Models


def collect(
    config: Config,
    router: Router,
    catalog: Catalog,
    *,
    favourites: tuple[str, ...] = (),
    local_url: str | None = None,
    wildcards: bool = False,
) -> Models:
    """The models of a proxy: aliases, the default model, favourites, and the curated ones that are ready here.

    Args:
        config: The configuration.
        router: Routes specs.
        catalog: The catalog, for its curated rows.
        favourites: Specs that the user marked in the picker.
        local_url: The URL of the `ingate serve` that serves local models to the proxy; None leaves them out.
        wildcards: Whether to add every ready provider as a whole too (`groq/*`).
    """
    from ingate import providers
    from ingate.gateway.readiness import ReadinessChecker

    collector = Collector(config, router, local_url=local_url)
    collector.add_aliases()
    collector.add_specs(favourites)
    checker = ReadinessChecker(router)
    ready = {
        name for name in providers.providers() if name != "litellm_proxy" and checker.provider(name).state == "ready"
    }
    collector.add_specs(row.spec for row in catalog.curated() if row.provider in ready)
    if wildcards:
        for name in providers.providers():
            # A server that needs only an address may not be reachable from the proxy's machine.
            if name in ready and providers.provider(name).auth not in {"none", "base_url"}:
                collector.add_wildcard(name)
    return collector.models


def export(models: Models, config: Config) -> Export:
    """The texts of the files."""
    files = {
        CONFIG_FILE: _CONFIG_HEAD + _yaml(proxy_config(models, config)),
        COMPOSE_FILE: _COMPOSE_HEAD + _yaml(_compose()),
        ENV_FILE: _env(models),
    }
    return Export(files, models)


def proxy_config(models: Models, config: Config) -> dict[str, Any]:
    """The proxy's configuration. It uses Redis if REDIS_HOST is set and a database if DATABASE_URL is."""
    litellm = config.settings.litellm
    return {
        "model_list": models.entries,
        "router_settings": {
            "routing_strategy": "simple-shuffle",
            "num_retries": 2,
            "allowed_fails": 3,
            "cooldown_time": 30,
            "fallbacks": [{name: after} for name, after in models.fallbacks.items()],
            "redis_host": "os.environ/REDIS_HOST",
            "redis_port": "os.environ/REDIS_PORT",
            "redis_password": "os.environ/REDIS_PASSWORD",
        },
        "litellm_settings": {
            "drop_params": litellm.drop_params not in {False, "strict"},
            "request_timeout": int(litellm.timeout_s or config.settings.timeout_s or 600),
        },
        "general_settings": {"master_key": f"os.environ/{MASTER_KEY}"},
    }


def _compose() -> dict[str, Any]:
    health = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:4000/health/liveliness')"
    return {
        "services": {
            "litellm": {
                "image": _IMAGE,
                "command": ["--config", "/app/config.yaml", "--port", "4000"],
                "ports": ["4000:4000"],
                "volumes": [f"./{CONFIG_FILE}:/app/config.yaml:ro"],
                "env_file": [".env"],
                "environment": {
                    "DATABASE_URL": "postgresql://litellm:${POSTGRES_PASSWORD}@postgres:5432/litellm",
                    "REDIS_HOST": "redis",
                    "REDIS_PORT": "6379",
                },
                "depends_on": {"postgres": {"condition": "service_healthy"}, "redis": {"condition": "service_healthy"}},
                "healthcheck": {"test": ["CMD", "python3", "-c", health], **_often(start="60s")},
                "restart": "unless-stopped",
            },
            "redis": {
                "image": "redis:7",
                "command": ["sh", "-c", 'exec redis-server --requirepass "$$REDIS_PASSWORD"'],
                "environment": {"REDIS_PASSWORD": "${REDIS_PASSWORD:?fill in .env}"},
                "healthcheck": {"test": ["CMD-SHELL", 'redis-cli -a "$$REDIS_PASSWORD" ping'], **_often()},
                "restart": "unless-stopped",
            },
            "postgres": {
                "image": "postgres:16",
                "environment": {
                    "POSTGRES_DB": "litellm",
                    "POSTGRES_USER": "litellm",
                    "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:?fill in .env}",
                },
                "volumes": ["postgres:/var/lib/postgresql/data"],
                "healthcheck": {"test": ["CMD-SHELL", "pg_isready -U litellm"], **_often()},
                "restart": "unless-stopped",
            },
        },
        "volumes": {"postgres": {}},
    }


def _often(start: str = "5s") -> dict[str, Any]:
    return {"interval": "10s", "timeout": "5s", "retries": 10, "start_period": start}


def _env(models: Models) -> str:
    """The variables, all of them empty."""
    own = {
        MASTER_KEY: "the proxy's own key, which clients send; must begin with sk-",
        "LITELLM_SALT_KEY": "encrypts credentials in the database; never change it afterwards",
        "REDIS_PASSWORD": "a long random password",
        "POSTGRES_PASSWORD": "a long random password of letters and digits",
    }
    lines = ["# Copy this file to .env and fill it in. Keep .env out of version control."]
    for name, purpose in {**own, **models.variables}.items():
        lines += [f"# {purpose}", f"{name}="]
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
