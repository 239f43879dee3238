"""Certificates for the TLS scenarios, made by the `openssl` program at the first use."""

import datetime
import pathlib
import shutil
import subprocess
import threading

CONFIG = """
[ca]
default_ca = here
[here]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = anything
copy_extensions = copy
unique_subject = no
[anything]
commonName = supplied
[req]
distinguished_name = name
[name]
"""


class Certificates:
    """A folder of authorities and the certificates they signed, each as NAME.pem and NAME.key."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.made = {}
        self.lock = threading.RLock()

    @staticmethod
    def available():
        return shutil.which("openssl") is not None

    def authority(self, name="root"):
        """The certificate of an authority of that name."""
        with self.lock:
            if name not in self.made:
                self.made[name] = self._make_authority(name)
            return self.made[name]

    def certificate(self, name, authority="root", days=(-1, 365)):
        """(certificate, key) for a DNS name; `days` from now, from and until."""
        self.authority(authority)
        key = (name, authority, days)
        with self.lock:
            if key not in self.made:
                self.made[key] = self._make_certificate(*key, stem=f"leaf{len(self.made)}")
            return self.made[key]

    def _make_authority(self, name):
        home = self.folder / name
        home.mkdir(parents=True)
        (home / "ca.cnf").write_text(CONFIG)
        (home / "index.txt").write_text("")
        (home / "serial").write_text("1000\n")
        self._openssl(home, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/CN={name}",
                      "-keyout", "ca.key", "-out", "ca.pem")
        return home / "ca.pem"

    def _make_certificate(self, name, authority, days, stem):
        home = self.folder / authority
        start, end = (self._day(d) for d in days)
        self._openssl(home, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name[:60]}", "-keyout", f"{stem}.key",
                      "-out", f"{stem}.csr", "-addext", f"subjectAltName=DNS:{name}")
        self._openssl(home, "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
                      "-in", f"{stem}.csr", "-out", f"{stem}.pem", "-startdate", start, "-enddate", end)
        return home / f"{stem}.pem", home / f"{stem}.key"

    @staticmethod
    def _day(days):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")

    @staticmethod
    def _openssl(home, *arguments):
        subprocess.run(["openssl", *arguments], cwd=home, check=True, timeout=60, stdin=subprocess.DEVNULL, capture_output=True)
