#!/bin/sh
# Check for what the build and the tests need, and install it.
#
#   setup.sh system   system packages, by apt-get where we are root; otherwise the command that a person must run
#   setup.sh venv     build/venv from requirements.txt; again only when that file has changed
set -eu
cd "$(dirname "$0")/.."

missing=""

# need PACKAGE COMMAND...: the package is missing when the command fails.
need() {
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

system() {
    need cmake command -v cmake
    need ninja-build command -v ninja
    need pkg-config command -v pkg-config
    need libyaml-dev pkg-config --exists yaml-0.1
    need libcjson-dev pkg-config --exists libcjson
    need libcmocka-dev pkg-config --exists cmocka
    need clang-format command -v clang-format
    need python3-venv python3 -c "import ensurepip, venv"
    [ -n "$missing" ] || return 0
    command="apt-get install --no-install-recommends --yes$missing"
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "These system packages are missing:$missing" >&2
        echo "Install them, on Debian or Ubuntu with:  sudo $command" >&2
        exit 1
    fi
    echo "installing system packages:$missing"
    apt-get update --quiet=2
    DEBIAN_FRONTEND=noninteractive $command
}

python_is_new() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return 0
    echo "Python 3.11 or later is needed; python3 is $(python3 --version 2>&1)" >&2
    exit 1
}

environment() {
    stamp=build/venv/.requirements
    cmp -s requirements.txt "$stamp" && return 0
    python_is_new
    echo "making build/venv from requirements.txt"
    rm -rf build/venv
    mkdir -p build
    python3 -m venv build/venv
    build/venv/bin/python -m pip --disable-pip-version-check install --quiet --requirement requirements.txt
    cp requirements.txt "$stamp"
}

case "${1:-}" in
system) system ;;
venv) environment ;;
*)
    echo "usage: scripts/setup.sh system|venv" >&2
    exit 2
    ;;
esac
