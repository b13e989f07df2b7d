"""Run a program as an ordinary user when we are root, without opening root's folders to that user.

The user keeps the one capability to pass file permissions (CAP_DAC_OVERRIDE), so that programs, libraries and data
below a folder that only root may enter work where they are; it cannot do anything else that root can. No user
account is created, nothing is copied, and no folder's mode is changed.
"""

import os
import pwd
import shutil
from pathlib import Path

from onboarding_devstack.engines.engine_error import EngineError, mounted_noexec

CANDIDATES = ("postgres", "nobody")
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "SETGID", "SETPCAP", "SETUID")
"""What root needs for it: a part of what Docker and Podman give root in a container by default."""
AS_ORDINARY_USER = "run as an ordinary user (su, or docker run --user)"


def unprivileged(command: list[str]) -> list[str]:
    """`command` itself for an ordinary user; for root, the same behind `setpriv` as an ordinary user.

    Raises `EngineError` when root has no `setpriv` (package util-linux) or there is no user to become.
    """
    if not _are_root():
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        why = "PostgreSQL does not run as root, and setpriv, which starts it as another user, is not on PATH"
        raise EngineError("postgres", why, f"install util-linux, or {AS_ORDINARY_USER}")
    user = _user()
    capability = [f"--{kind}=-all,+dac_override" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    # access(2), with which PostgreSQL looks for its own programs, ignores the capabilities of every user but root
    # unless this bit is set.
    access = "--securebits=+no_setuid_fixup"
    # Changing the user clears a parent-death signal set earlier, so setpriv has to set it.
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=INT"]
    return [setpriv, *identity, access, *capability, *command]


def refusal(program: Path, stderr: str) -> EngineError | None:
    """Why `program`, started by `unprivileged`, did not even begin; None when it did begin, or nobody can tell.

    `stderr` is what the attempt wrote to its standard error.
    """
    if noexec := mounted_noexec("postgres", program):
        return noexec
    if _are_root() and stderr.startswith("setpriv:"):
        user = _user()
        cause = stderr.strip().splitlines()[0].removeprefix("setpriv: ")
        why = (
            f"PostgreSQL does not run as root, and root cannot become {user.pw_name} (uid {user.pw_uid}) here: {cause}"
        )
        privileges = f"give the container a second user id and the capabilities {', '.join(CAPABILITIES)}"
        return EngineError("postgres", why, f"{AS_ORDINARY_USER}, or {privileges}")
    return None


def hand_over(*paths: Path) -> None:
    """Give files or folders to the user that `unprivileged` runs programs as; nothing to do unless we are root."""
    if _are_root():
        for path in paths:
            os.chown(path, _user().pw_uid, _user().pw_gid)


def _are_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0


def _user() -> pwd.struct_passwd:
    for name in CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    why = f"PostgreSQL does not run as root, and none of the users {', '.join(CANDIDATES)} exists"
    raise EngineError("postgres", why, AS_ORDINARY_USER)
