"""Feed decoders what no provider should send, guided by coverage, until the time is up or one of them misbehaves.

    python scripts/fuzz.py anthropic --seconds 60 --seeds FOLDER

Needs `pip install atheris`. A decoder may answer or raise one of ingate's errors, and must do so at once; whole or in
pieces, the same bytes mean the same. Seeds are files of raw bodies, or JSON files with one under `response.body`.
Inputs that fail are kept in the working directory, as `crash-…`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["ingate.wire"]):
    from ingate.errors import IngateError
    from ingate.wire.codec import codec_for, formats
    from ingate.wire.completion import assemble, normalise_completion
    from ingate.wire.normaliser import StreamNormaliser

_KINDS = {"ollama": "application/x-ndjson", "bedrock": "application/vnd.amazon.eventstream"}
# A recorded case's word for its format → ours.
_RECORDED = {
    "openai_chat": "chat",
    "anthropic_messages": "messages",
    "gemini_generate": "gemini",
    "bedrock_converse": "bedrock",
    "bedrock_invoke": "bedrock_invoke",
    "cohere_v2": "cohere",
    "ollama_chat": "ollama",
}


def outcome(wire_format: str, data: bytes, size: int) -> Any:
    """The completion a stream adds up to, or the name of the error it ends in."""
    codec = codec_for(wire_format)
    kind = _KINDS.get(wire_format, "text/event-stream")
    decoder, normaliser = codec.decoder(model="m", content_type=kind), StreamNormaliser("m")
    chunks: list[dict[str, Any]] = []
    try:
        for at in range(0, len(data), size):
            for chunk in decoder.feed(data[at : at + size]):
                chunks += normaliser.feed(chunk)
        for chunk in decoder.close():
            chunks += normaliser.feed(chunk)
    except IngateError as error:
        return type(error).__name__
    made = assemble(chunks + normaliser.finish())["choices"]
    for choice in made:  # ids that the provider did not give are made up anew
        for call in choice["message"].get("tool_calls") or ():
            call.pop("id", None)
    return json.dumps(made, sort_keys=True, default=str)


def main() -> None:
    """Read the arguments and fuzz; ends the process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("format", choices=formats())
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seeds", type=Path, help="a folder of bodies to begin with")
    given = parser.parse_args()

    def one(data: bytes) -> None:
        with contextlib.suppress(IngateError):
            normalise_completion(codec_for(given.format).response(data, model="m"), "m")
        whole, pieces = outcome(given.format, data, max(len(data), 1)), outcome(given.format, data, 7)
        if whole != pieces:
            raise AssertionError(f"whole: {whole}\nin pieces: {pieces}")

    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(given.seeds.iterdir()) if given.seeds else ():
            if file.is_file() and (body := _seed(file.read_bytes(), given.format)):
                (Path(folder) / file.name).write_bytes(body)
        options = [f"-max_total_time={given.seconds}", "-timeout=10", "-max_len=16384", folder]
        atheris.Setup([sys.argv[0], *options], one)
        atheris.Fuzz()


def _seed(raw: bytes, wire_format: str) -> bytes:
    try:
        case = json.loads(raw)
        response = case["response"]
    except (ValueError, TypeError, KeyError):
        return raw
    if _RECORDED.get(case.get("wire"), wire_format) != wire_format:
        return b""
    body = response["body"]
    return base64.b64decode(body) if response.get("encoding") == "base64" else body.encode()


if __name__ == "__main__":
    main()
