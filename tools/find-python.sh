#!/bin/sh
# Prints the name of a Python that can run Bienho (3.11 to 3.14, with venv), or says what to install and fails.
# PYTHON in the environment wins. Wheels fetched earlier fit one Python only, so that one is tried first.
set -u

usable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" && { printf '%s\n' "$PYTHON"; exit 0; }
    printf 'PYTHON=%s is not a Python 3.11 to 3.14 with venv and ensurepip.\n' "$PYTHON" >&2
    exit 1
fi
wanted=
[ -f wheels/python-version ] && wanted="python$(cat wheels/python-version)"
for name in $wanted python3.11 python3.12 python3.13 python3.14 python3 python; do
    usable "$name" && { printf '%s\n' "$name"; exit 0; }
done
cat >&2 <<'MESSAGE'
Không tìm thấy Python từ 3.11 đến 3.14 có kèm mô-đun venv.
No Python 3.11 to 3.14 with its venv module was found. Install one, then run the same command again:
  Debian, Ubuntu   sudo apt-get install python3.11 python3.11-venv    (or python3 python3-venv when that is 3.11 or later)
  Fedora, RHEL     sudo dnf install python3.11
  macOS            brew install python@3.11
Or name one: make PYTHON=/path/to/python3.11 demo
MESSAGE
exit 1
