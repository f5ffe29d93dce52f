#!/usr/bin/env bash
# The exact core in a bare environment: the oldest numpy and scipy that pyproject.toml allows, and nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"${PYTHON:-python3}" -m venv "$place"
read -ra oldest < <("$place/bin/python" - <<'PYTHON'
import tomllib

with open("pyproject.toml", "rb") as file:
    wanted = tomllib.load(file)["project"]["dependencies"]
print(*(one.replace(">=", "==") for one in wanted if one.startswith(("numpy>=", "scipy>="))))
PYTHON
)
if ! "$place/bin/python" -m pip install -q --disable-pip-version-check --only-binary=:all: "${oldest[@]}"; then
  echo "oldest: ${oldest[*]} could not be installed, so nothing was tried" >&2
  exit 1
fi
PYTHONPATH=. "$place/bin/python" tests/everywhere/exact_core.py --compare tests/frozen/exact-core-v1.txt
