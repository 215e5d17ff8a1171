"""A program that downloads the links of a list and can be killed at any moment."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from medshape_text.sources.medshapenet.download_log import Cache
from medshape_text.sources.medshapenet.fetch import fetch
from medshape_text.sources.medshapenet.rate_limits import RateLimits


def main() -> None:
    """Arguments: file of links, cache, checkpoint in bytes, and after how many links to wait for being stopped."""
    urls = Path(sys.argv[1]).read_text().split()
    rate_limits = RateLimits(backoff_s=0.01, stall_s=20, attempts=2, connections=4, max_bytes=2**23,
                            checkpoint_bytes=int(sys.argv[3]))  # fmt: skip

    def tell(step: str, done: int, total: int) -> None:
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()
        if len(sys.argv) > 4 and done >= int(sys.argv[4]):
            time.sleep(60)  # whoever is to stop this program here may be slower than it

    fetch(urls, Cache(Path(sys.argv[2])), rate_limits, progress=tell)


if __name__ == "__main__":
    main()
