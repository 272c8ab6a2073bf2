"""Chat models by name: hosted ones, and those a local server (llama.cpp, Ollama, vLLM) serves the OpenAI way."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from langchain_core.language_models.chat_models import BaseChatModel

from shopping_assistant.assistant import trace
from shopping_assistant.tools.errors import ShopError

# What a provider's LangChain package is called where it is not langchain-PROVIDER.
_PACKAGES = {"google_genai": "langchain-google-genai", "azure_openai": "langchain-openai"}
_LISTING_SECONDS = 5.0
# A local server asks for no key, its client refuses to start without one.
_NO_KEY = "none-needed"


class ModelError(ShopError):
    """A chat model that cannot be made by the name given, or that gave no answer to use."""


def chat_model(name: str | None, base_url: str | None = None, seconds: float | None = None) -> BaseChatModel:
    """Any LangChain chat model by name, such as "openai:gpt-5-mini" or "ollama:llama3.1".

    Args:
        base_url: where a server speaks the OpenAI protocol, "http://127.0.0.1:8080/v1". A name without a provider is
            then
            one of its models; without a name its only model is taken.
        seconds: how long an answer may take; the client gives up then, too.

    Raises:
        ModelError: its package is missing, its key is, or there is no such provider, server or model.
    """
    from langchain.chat_models import init_chat_model

    options: dict = {}
    if base_url:
        name = _served(name, base_url)
        options["base_url"] = base_url
    provider = (name or "").split(":")[0]
    if provider == "openai":
        # One more try is the client's; what fails then is answered by the offline model, not by a third wait.
        options |= {"timeout": seconds, "max_retries": 1} if seconds else {"max_retries": 1}
        if base_url and not os.environ.get("OPENAI_API_KEY"):
            options["api_key"] = _NO_KEY
        if base_url:
            # The other protocol of OpenAI's own service is one that local servers rarely speak.
            options["use_responses_api"] = False
    try:
        return init_chat_model(name, **options)
    except Exception as error:  # every provider fails in its own way
        package = _PACKAGES.get(provider, f"langchain-{provider.replace('_', '-')}")
        raise ModelError(
            f"chat model {name!r} cannot be used ({trace.cause(error)}); name it as provider:model, install the "
            f"provider's LangChain package (pip install {package}) and set its key, give --base-url for a "
            "server of your own, or leave --model out for the embedded one"
        ) from error


def _served(name: str | None, base_url: str) -> str:
    """The model of a server as ``provider:model``; a name that has a provider stays as it is.

    Ollama's own names hold a colon ("llama3.1:8b"): what stands before it is a provider only where LangChain knows it.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"--base-url {base_url!r}: expected an address such as http://127.0.0.1:8080/v1")
    if name is None:
        name = _only_model(base_url)
    return name if name.split(":")[0] in _providers() else f"openai:{name}"


def _providers() -> frozenset[str]:
    from langchain.chat_models import base

    return frozenset(getattr(base, "_BUILTIN_PROVIDERS", {"openai", "anthropic", "ollama"}))


def _only_model(base_url: str) -> str:
    import httpx

    try:
        headers = {"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY') or _NO_KEY}"}
        answer = httpx.get(base_url.rstrip("/") + "/models", headers=headers, timeout=_LISTING_SECONDS)
        served = [str(m["id"]) for m in answer.raise_for_status().json()["data"]]
    except Exception as error:  # no server, no such path, no such answer
        raise ModelError(
            f"--base-url {base_url!r} did not tell its models ({trace.cause(error)}); start the server, or name "
            "the model with --model"
        ) from error
    if len(served) != 1:
        told = ", ".join(sorted(served)[:10]) or "none"
        raise ModelError(f"--base-url {base_url!r} serves {len(served)} models ({told}); choose one with --model")
    return served[0]
