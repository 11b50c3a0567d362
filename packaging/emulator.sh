#!/usr/bin/env bash
# Makes a folder in which the zip can be run as Lambda runs it: packaging/emulator.sh 3.13 FOLDER
#   FOLDER/bin/python   that Python, with AWS's runtime client and nothing else
#   FOLDER/rie          AWS's runtime interface emulator, which aws-sam-cli brings along
#   FOLDER/wheels       the packages of requirements.lock, so that tests build without a network
set -euo pipefail
here=$(dirname "$0")
folder=$2

python=$("$here/python.sh" "$1")
echo "setting up $folder (once)"
"$python" -m venv --clear "$folder"
pip() { "$folder/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
pip install --requirement "$here/requirements-lambda.txt"
pip download --require-hashes --only-binary :all: --dest "$folder/wheels" \
    --requirement "$here/../requirements.lock"
# The wheel alone, without the many packages that the command needs.
pip download --no-deps --only-binary :all: --python-version 3.13 --dest "$folder" \
    --requirement "$here/requirements-emulator.txt"
"$folder/bin/python" - "$folder" <<'PYTHON'
import pathlib, platform, sys, zipfile
folder = pathlib.Path(sys.argv[1])
machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
for wheel in folder.glob("aws_sam_cli-*.whl"):
    with zipfile.ZipFile(wheel) as files:
        (folder / "rie").write_bytes(files.read(f"samcli/local/rapid/aws-lambda-rie-{machine}"))
    wheel.unlink()
(folder / "rie").chmod(0o755)
PYTHON
touch "$folder/ready"
