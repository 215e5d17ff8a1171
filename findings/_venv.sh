# shellcheck shell=bash
# Sourced by every script here. `install PACKAGE==VERSION...` makes an environment in a temporary folder that goes
# when the script ends, moves there, and sets $python. What the packages need themselves is pinned in pins.txt.
set -euo pipefail

findings=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

install() {
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  cd "$place"
  python=$place/venv/bin/python
  if command -v uv >/dev/null; then
    # uv does not read pip's find-links: hand them over.
    export UV_FIND_LINKS=${UV_FIND_LINKS-${PIP_FIND_LINKS-}}
    uv venv --quiet --python "${PYTHON:-python3}" venv
    uv pip install --quiet --python "$python" --constraints "$findings/pins.txt" "$@"
  else
    "${PYTHON:-python3}" -m venv venv
    "$python" -m pip install --quiet --constraint "$findings/pins.txt" "$@"
  fi
}
