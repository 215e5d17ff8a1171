"""Methods in their own environment: a folder of requests in, a folder of predictions out, in any language.

`declaration` reads ``environment.toml``, `environment` builds what it asks for, `exchange` writes requests,
`answers` reads predictions as the hostile data they may be, `process` runs and ends commands, and `method` puts
them together as a `BatchMethod`. The format is documented in ``docs/external_methods.md``.
"""

from benchmark.external.declaration import DECLARATION, Declaration, read_declaration
from benchmark.external.method import ExternalMethod, FittedExternalMethod, external_method

__all__ = [
    "DECLARATION",
    "Declaration",
    "ExternalMethod",
    "FittedExternalMethod",
    "external_method",
    "read_declaration",
]
