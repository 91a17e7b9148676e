"""Where people get a key: the page of each provider's own site, for those whose page is known."""

from __future__ import annotations

from typing import Final

KEY_PAGES: Final = {
    "openai": "https://platform.openai.com/api-keys",
    "anthropic": "https://console.anthropic.com/settings/keys",
    "gemini": "https://aistudio.google.com/apikey",
    "xai": "https://console.x.ai",
    "mistral": "https://console.mistral.ai/api-keys",
    "codestral": "https://console.mistral.ai/codestral",
    "cohere_chat": "https://dashboard.cohere.com/api-keys",
    "deepseek": "https://platform.deepseek.com/api_keys",
    "moonshot": "https://platform.moonshot.ai/console/api-keys",
    "zai": "https://z.ai/manage-apikey/apikey-list",
    "groq": "https://console.groq.com/keys",
    "cerebras": "https://cloud.cerebras.ai",
    "sambanova": "https://cloud.sambanova.ai/apis",
    "together_ai": "https://api.together.ai/settings/api-keys",
    "fireworks_ai": "https://app.fireworks.ai/settings/users/api-keys",
    "deepinfra": "https://deepinfra.com/dash/api_keys",
    "perplexity": "https://www.perplexity.ai/account/api",
    "nvidia_nim": "https://build.nvidia.com/settings/api-keys",
    "openrouter": "https://openrouter.ai/settings/keys",
    "replicate": "https://replicate.com/account/api-tokens",
    "huggingface": "https://huggingface.co/settings/tokens",
    "ai21_chat": "https://studio.ai21.com/account/api-key",
    "vercel_ai_gateway": "https://vercel.com/dashboard/ai-gateway/api-keys",
    "dashscope": "https://bailian.console.alibabacloud.com/?apiKey=1",
}
