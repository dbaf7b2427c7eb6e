#!/bin/sh
# Download the archives pinned in deps.txt into the folder given as the argument.
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../build/venv/bin/python
[ -x "$python" ] || python=python3
mkdir -p "$folder"
# One at a time: two versions of one package cannot stand in one requirements file.
grep == "$here/deps.txt" | while read -r pin; do
    echo "downloading the source of ${pin%% *}"
    echo "$pin" >"$folder/pin.txt"
    "$python" -m pip --disable-pip-version-check download --quiet --no-deps --no-binary :all: \
        --require-hashes --requirement "$folder/pin.txt" --dest "$folder" </dev/null
done
rm -f "$folder/pin.txt"
