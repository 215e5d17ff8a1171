"""Methods in their own environment: a folder of requests in, a folder of predictions out, in any language.

Start at `method.external_method`. `declaration` reads ``environment.toml``, `environment` builds what it asks for,
`exchange` writes requests, `answers` reads predictions as the hostile data they may be, `process` runs and ends
commands (through `supervise`), and `batch` and `method` put them together as a `BatchMethod`. Documented for authors
in ``docs/external_methods.md``.
"""
