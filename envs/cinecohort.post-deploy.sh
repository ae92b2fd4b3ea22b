#!/usr/bin/env bash
# After conda has made the environment: the package itself, from the checkout that the workflow runs from.
set -euo pipefail
python -m pip install --no-deps --quiet "$(git rev-parse --show-toplevel)"
