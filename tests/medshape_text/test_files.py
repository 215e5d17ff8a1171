"""One writer at a time: a lock is refused at once, let go of at the end, and dies with its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medshape_text.files import locked


class InUseError(RuntimeError):
    pass


def test_a_lock_is_refused_while_it_is_held_and_free_afterwards(tmp_path: Path) -> None:
    path, busy = tmp_path / ".lock", InUseError("wait")
    with locked(path, busy):
        with pytest.raises(InUseError, match="wait") as caught, locked(path, busy):
            pytest.fail("two hold it")
        assert caught.value is busy
    with pytest.raises(KeyError), locked(path, busy):
        raise KeyError
    with locked(path, busy):
        pass


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from medshape_text.files import locked\n"
        "with locked(Path(sys.argv[1]), RuntimeError()):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InUseError), locked(path, InUseError()):
            pytest.fail("two hold it")
        holder.kill()
        holder.wait()
    with locked(path, InUseError()):
        pass


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"), locked(tmp_path / "file" / ".lock", InUseError()):
        pytest.fail("nothing can be locked there")
