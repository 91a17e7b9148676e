"""The configured LiteLLM proxy: its address and its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ingate.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingate.config import Config
    from ingate.config.secretref import SecretRef

BASE_VARIABLES: Final = ("LITELLM_API_BASE", "LITELLM_PROXY_API_BASE")
KEY_VARIABLES: Final = ("LITELLM_API_KEY", "LITELLM_PROXY_API_KEY")


class ProxySettings(NamedTuple):
    """The proxy's settings.

    Attributes:
        api_base: Its URL.
        api_key: Its key: a `Secret` from the environment, a reference from the configuration, None for an open proxy.
        source: Where both come from, for display.
    """

    api_base: str
    api_key: Secret | SecretRef | None
    source: str

    def key(self, environ: Mapping[str, str]) -> Secret | None:
        """The key. Runs the command or queries the keyring of a configured reference; raises ConfigError if that fails."""
        return (
            self.api_key.resolve(environ)
            if self.api_key is not None and not isinstance(self.api_key, Secret)
            else self.api_key
        )


def proxy_settings(environ: Mapping[str, str], config: Config) -> ProxySettings | None:
    """The proxy of `LITELLM_API_BASE` / `LITELLM_PROXY_API_BASE` or of `litellm: {api_base}`; None without a URL.

    The environment takes precedence over the configuration, for the URL and for the key separately.
    """
    settings = config.settings.litellm
    sources: list[str] = []
    name, base = _first(environ, BASE_VARIABLES)
    if base:
        sources.append(f"env {name}")
    else:
        base = (settings.api_base or "").strip()
        if not base:
            return None
        place = config.where("litellm", "api_base")
        sources.append(f"{place or 'config'} litellm.api_base")
    name, key = _first(environ, KEY_VARIABLES)
    if key:
        return ProxySettings(base.rstrip("/"), Secret(key), ", ".join([*sources, f"env {name}"]))
    if settings.api_key is not None and settings.api_key.present(environ):
        return ProxySettings(base.rstrip("/"), settings.api_key, ", ".join([*sources, settings.api_key.describe()]))
    return ProxySettings(base.rstrip("/"), None, ", ".join(sources))


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, str]:
    for name in names:
        if value := environ.get(name, "").strip():
            return name, value
    return "", ""
