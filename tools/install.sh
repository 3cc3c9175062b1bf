#!/bin/sh
# Makes .venv and installs the locked dependencies, then the project itself, editable.
#   install.sh runtime   what running needs        install.sh dev   and what the tests need
#   install.sh wheels    download everything into ./wheels; later installs take it from there and use no network
# Does nothing when .venv already matches the locks. Every distribution is checked against its hash.
set -eu
cd "$(dirname "$0")/.."
mode=${1:?runtime, dev or wheels}
stamp=.venv/bienho-installed
export PIP_DISABLE_PIP_VERSION_CHECK=1

lock_of() {
    if [ "$1" = runtime ]; then echo requirements.lock; else echo requirements-dev.lock; fi
}

# A stamp names the mode and the sums of what was installed; a dev environment also serves as a runtime one.
mark() {
    printf '%s %s\n' "$1" "$(cat "$(lock_of "$1")" pyproject.toml tools/install.sh | cksum)"
}

is_current() {
    [ -x .venv/bin/python ] && [ -f "$stamp" ] || return 1
    .venv/bin/python -c '' 2>/dev/null || return 1
    # A moved folder would go on running the old place's code.
    [ "$(sed -n 2p "$stamp")" = "$(pwd -P)" ] || return 1
    for having in "$mode" dev; do
        [ "$(sed -n 1p "$stamp")" = "$(mark "$having")" ] && return 0
    done
    return 1
}

make_venv() {
    if [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null; then
        .venv/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' && return 0
    fi
    if python=$(sh tools/find-python.sh 2>.install-message); then
        rm -f .install-message
        "$python" -m venv --clear .venv
    elif command -v uv >/dev/null 2>&1 && uv venv -q --clear --seed --python '>=3.11,<3.15' .venv; then
        rm -f .install-message
    else
        cat .install-message >&2
        rm -f .install-message
        exit 1
    fi
}

# uv is quicker when it is there; pip comes with Python. Both are held to the hashes of the lock.
install_lock() {
    set -- --require-hashes -r "$1"
    if [ -d wheels ]; then set -- --no-index --find-links wheels "$@"; fi
    if command -v uv >/dev/null 2>&1; then
        # as pip does: read from source, the packages cost every start of a process three times as much
        uv pip install -q --compile-bytecode --python .venv/bin/python "$@"
    else
        .venv/bin/python -m pip install -q "$@"
    fi
}

install_project() {
    set -- --no-deps --no-build-isolation --no-index -e .
    if command -v uv >/dev/null 2>&1; then
        uv pip install -q --python .venv/bin/python "$@"
    else
        .venv/bin/python -m pip install -q "$@"
    fi
}

if [ "$mode" = wheels ]; then
    make_venv
    .venv/bin/python -m pip --version >/dev/null 2>&1 || { echo 'make wheels needs pip: run it without uv' >&2; exit 1; }
    # Beside, until all are there: a folder cut short would be taken for everything, and no install would ask the network.
    if [ -d wheels ]; then rm -rf wheels.part; mv wheels wheels.part; fi
    mkdir -p wheels.part
    .venv/bin/python -m pip download -q --only-binary :all: --require-hashes -r requirements-dev.lock -d wheels.part
    .venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' >wheels.part/python-version
    mv wheels.part wheels
    echo "Wheels for $(uname -sm), Python $(cat wheels/python-version): $(du -sh wheels | cut -f1) in ./wheels"
    exit 0
fi

is_current && exit 0
rm -f "$stamp"
make_venv
echo "Installing ($mode) into .venv …" >&2
install_lock "$(lock_of "$mode")"
install_project
{ mark "$mode"; pwd -P; } >"$stamp"
