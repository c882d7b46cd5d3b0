"""Install what the arguments name: with uv, in a fraction of pip's time; without uv, with pip.

uv reads none of pip's settings: it is told here of the package indexes that pip knows.
"""

import ast
import os
import subprocess
import sys

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
UV = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
SETTINGS = {  # pip's name, uv's environment variable, what uv expects between several values
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "proxy": ("ALL_PROXY", " "),
}
FOR_PIP_ALONE = {"no-index", "constraint", "no-binary", "only-binary", "client-cert"}


def settings_of_pip() -> dict[str, str]:
    """Read pip's settings, from its files and the environment, by their names."""
    listed = subprocess.run([*PIP, "config", "list"], check=True, capture_output=True, text=True)
    found = {}
    for section in ("global.", "install.", ":env:."):  # the later the stronger
        for line in listed.stdout.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                found[name.removeprefix(section)] = ast.literal_eval(value)
    return found


def install_with_uv(wanted: list[str]) -> bool:
    """Install, if uv is to be had and all goes well."""
    settings = settings_of_pip()
    if FOR_PIP_ALONE & settings.keys():
        return False
    # pip takes the newest version that any of its indexes has; uv would stop at the first index.
    told = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name, (variable, between) in SETTINGS.items():
        if name in settings:
            told[variable] = between.join(settings[name].split())
    return all(
        subprocess.run(command, env=told | os.environ, capture_output=True).returncode == 0
        for command in ([*PIP, "install", "uv"], [*UV, *wanted])
    )


if not install_with_uv(sys.argv[1:]):
    sys.exit(subprocess.run([*PIP, "install", "--quiet", *sys.argv[1:]]).returncode)
