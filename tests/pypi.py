"""Packages of PyPI for a test, in a virtual environment of its own below target/."""

import hashlib
import os
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[1]
MARK = "MESHWHY_TEST_ENVIRONMENT"


def require(requirements, seconds=600):
    """Runs the calling script again in an environment with the packages of this file; returns in there.

    Where they cannot be had (no network, none for this Python) it says SKIPPED and ends with 0: that is no failure of ours.
    """
    text = requirements.read_text(encoding="utf-8")
    # Another Python or another version of a package is another environment.
    name = hashlib.sha256(f"{sys.version}\n{text}".encode()).hexdigest()[:12]
    home = ROOT / "target" / "python" / f"{requirements.parent.name}-{name}"
    if os.environ.get(MARK) == str(home):
        return
    python, done = home / "bin" / "python", home / "done"
    if not done.exists():
        try:
            venv.create(home, with_pip=True, clear=True)
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
            subprocess.run(pip, check=True, timeout=seconds, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        except (OSError, subprocess.SubprocessError) as e:
            skip(f"the packages of {requirements.relative_to(ROOT)} cannot be installed: {e}")
        done.touch()
    os.environ[MARK] = str(home)
    os.execv(python, [str(python), *sys.argv])


def skip(why):
    """Says why a test cannot be made here, and ends it without a failure."""
    print(f"SKIPPED {pathlib.Path(sys.argv[0]).resolve().relative_to(ROOT)}: {why}")
    sys.exit(0)
