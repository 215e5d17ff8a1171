"""What the Hub's client raises, in a sentence: what is wrong and what to do, and nothing that is secret."""

from __future__ import annotations

import re

from huggingface_hub import errors

_QUERY = re.compile(r"(?<=\S)\?[^\s'\"]+=[^\s'\"]*")
"""What follows the path in addresses of the Hub's store gives leave to write there: nothing to show."""


def explain(error: Exception, where: str, name: str) -> str:
    """One sentence about what the client raised, ``where`` being the address of the repository ``name``."""
    again = "Nothing is lost: run the same command to continue."
    if isinstance(error, errors.LocalTokenNotFoundError):
        return f"no token for {where}: run `hf auth login` or give one with write permission. {again}"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"HF_HUB_OFFLINE is set, so {where} cannot be reached: unset it. {again}"
    if not isinstance(error, errors.HfHubHTTPError) or error.response is None:
        return f"{where} cannot be reached ({' '.join(str(error).split()) or type(error).__name__}). {again}"
    status = error.response.status_code
    known = {
        401: "the token is missing or no longer valid: run `hf auth login` with a token that may write",
        403: f"this token may not write to {name}: use one with write permission for it",
        404: f"there is no {name}, or this token may not see it: check the name and the token",
        413: "the Hub says that a file is too large",
        429: "the Hub asks to slow down: wait a few minutes",
    }
    said = _QUERY.sub("", " ".join(str(error.server_message or error).split()))[:200]
    other = f"the Hub has trouble of its own ({status})" if status >= 500 else f"the Hub refused ({status}: {said})"
    return f"{where}: {known.get(status, other)}. {again}"
