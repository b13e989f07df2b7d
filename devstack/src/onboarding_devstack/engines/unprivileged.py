"""Runs a program as an ordinary user if this process is root, without access for that user to folders of root.

The program keeps one capability, to bypass file permissions (CAP_DAC_OVERRIDE), so that programs, libraries and data
below a folder that only root may enter remain usable; it has no other privilege of root. No user account is created,
nothing is copied, and no folder mode is changed.
"""

import os
import pwd
import shutil
from pathlib import Path

from onboarding_devstack.engines.engine_error import EngineError, mounted_noexec

CANDIDATES = ("postgres", "nobody")
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETPCAP", "SETUID")
"""The capabilities that root needs for this; a subset of the defaults of Docker and Podman."""
AS_ORDINARY_USER = "run as an ordinary user (su, or docker run --user)"


def unprivileged(command: list[str]) -> list[str]:
    """Return `command` for an ordinary user; for root, `command` run by `setpriv` as an ordinary user.

    Raises `EngineError` if root has no `setpriv` (package util-linux) or no suitable user exists.
    """
    if not _is_root():
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        why = "PostgreSQL does not run as root, and setpriv, which starts it as another user, is not on PATH"
        raise EngineError("postgres", why, f"install util-linux, or {AS_ORDINARY_USER}")
    user = _user()
    capability = [f"--{kind}=-all,+dac_override" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    # access(2), with which PostgreSQL locates its programs, ignores the capabilities of users other than root unless
    # this bit is set.
    access = "--securebits=+no_setuid_fixup"
    # A change of the user clears the parent-death signal, so setpriv has to set it.
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=INT"]
    return [setpriv, *identity, access, *capability, *command]


def refusal(program: Path, stderr: str) -> EngineError | None:
    """The error that prevented the start of `program` by `unprivileged`; None if it started, or the cause is unknown.

    `stderr` is the standard error of the attempt.
    """
    if noexec := mounted_noexec("postgres", program):
        return noexec
    if _is_root() and stderr.startswith("setpriv:"):
        user = _user()
        cause = stderr.strip().splitlines()[0].removeprefix("setpriv: ")
        why = (
            f"PostgreSQL does not run as root, and root cannot become {user.pw_name} (uid {user.pw_uid}) here: {cause}"
        )
        privileges = f"give the container a second user id and the capabilities {', '.join(CAPABILITIES)}"
        return EngineError("postgres", why, f"{AS_ORDINARY_USER}, or {privileges}")
    return None


def hand_over(*paths: Path) -> None:
    """Change the owner of files or folders to the user of `unprivileged`; does nothing unless this process is root."""
    if _is_root():
        for path in paths:
            os.chown(path, _user().pw_uid, _user().pw_gid)


def _is_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0


def _user() -> pwd.struct_passwd:
    for name in CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    why = f"PostgreSQL does not run as root, and none of the users {', '.join(CANDIDATES)} exists"
    raise EngineError("postgres", why, AS_ORDINARY_USER)
