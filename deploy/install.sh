#!/bin/sh
# install.sh PYTHON LOCK...: installs hash-locked files into the environment of a Python, in order.
#
# With uv, which is pinned and hashed itself and needs a third of pip's processor time; with pip
# where uv can't be had, can't run, or fails.
set -eu
python=$1
shift
locks=$(dirname "$0")/..

pip_install() {
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes "$@"
}

# uv doesn't read pip's configuration, in which a mirror or a certificate may stand.
pip_setting() {
    printf '%s\n' "$settings" | sed -n "s/^[^=]*\.$1='\(.*\)'\$/\1/p" | tail -n 1
}

uv_install() {
    "$(dirname "$python")/uv" pip install --quiet --python "$python" --require-hashes \
        --no-build-isolation "$@"
}

settings=$("$python" -m pip config list 2>/dev/null || true)
index=${UV_DEFAULT_INDEX:-$(pip_setting index-url)}
[ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
certificate=${SSL_CERT_FILE:-$(pip_setting cert)}
[ -z "$certificate" ] || export SSL_CERT_FILE="$certificate"
export UV_SYSTEM_CERTS=true
# hnswlib is compiled: without debug symbols that takes two thirds of the time.
export CFLAGS="${CFLAGS:-} -g0"

installer=uv_install
if ! pip_install -r "$locks/requirements-uv.lock" || ! uv_install --help >/dev/null; then
    echo "uv can't be used; pip takes its place, which takes longer" >&2
    installer=pip_install
fi
for lock in "$@"; do
    [ "$installer" = uv_install ] && uv_install -r "$lock" && continue
    pip_install --no-build-isolation -r "$lock"
done
