"""Run a program as an ordinary user when we are root, without opening root's folders to that user.

The user keeps the one capability to pass file permissions, so that programs and data inside `/root` work; it cannot
do anything else that root can. No user account is created and no folder's mode is changed.
"""

import os
import pwd
import shutil
from pathlib import Path

CANDIDATES = ("postgres", "nobody")


def unprivileged(command: list[str]) -> list[str]:
    """`command` itself for an ordinary user; for root, the same behind `setpriv` as an ordinary user.

    Raises `RuntimeError` when root has no `setpriv` (package util-linux) or there is no user to become.
    """
    if os.name != "posix" or os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RuntimeError("PostgreSQL does not run as root: run as an ordinary user, or install util-linux (setpriv)")
    user = _user()
    capability = [f"--{kind}=-all,+dac_override" for kind in ("inh-caps", "ambient-caps", "bounding-set")]
    # Changing the user clears a parent-death signal set earlier, so setpriv has to set it.
    who = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=INT"]
    return [setpriv, *who, *capability, *command]


def hand_over(*paths: Path) -> None:
    """Give files or folders to the user that `unprivileged` runs programs as; nothing to do unless we are root."""
    if os.name == "posix" and os.geteuid() == 0:
        for path in paths:
            os.chown(path, _user().pw_uid, _user().pw_gid)


def _user() -> pwd.struct_passwd:
    for name in CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"PostgreSQL does not run as root, and none of the users {', '.join(CANDIDATES)} exists")
