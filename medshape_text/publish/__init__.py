"""Publishing a data set on the Hub: only what its licences allow, whole or not at all, and resumable."""

from medshape_text.publish.hub import HubError
from medshape_text.publish.publication import Published, PublishError, publish

__all__ = ["HubError", "PublishError", "Published", "publish"]
