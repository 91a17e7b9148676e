"""Looking at credentials loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

HEAVY = "litellm openai aiohttp pydantic rich prompt_toolkit rapidfuzz requests httpx boto3 botocore google.auth azure keyring"


def test_a_look_at_every_provider_loads_no_heavy_package():
    code = (
        "import sys; from ingate.config import load; from ingate.providers import ProviderLookup, providers\n"
        "environ = {'OPENAI_KEY': 'x', 'MOONSHOOT_API_KEY': 'x', 'REPLICATE_API_KEY': 'x'}\n"
        "looks = [ProviderLookup(one, environ, load({}, environ={})) for one in providers().values()]\n"
        "print([look.provider.name for look in looks if look.missing is None and look.problem is None][:1])\n"
        f"print([name for name in {HEAVY.split()!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["['replicate']", "[]"]
