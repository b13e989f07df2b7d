"""`completion`: shell completion of commands and options."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from onboarding_devstack.cli.exits import Exit

Shell = Literal["bash", "zsh", "fish"]


def add_completion(app: App) -> None:
    """Add the command `completion` to the application."""

    @app.command(sort_key=100)
    def completion(
        shell: Shell,
        /,
        *,
        install: Annotated[
            bool, Parameter(negative="", help="Install it for your user instead of printing it.")
        ] = False,
    ) -> Exit:
        """Print the completion script of a shell, or install it.

        Parameters
        ----------
        shell:
            The shell.
        """
        if not install:
            print(app.generate_completion(shell=shell))
            return Exit.OK
        from onboarding_devstack.cli.screen import err

        path: Path = app.install_completion(shell=shell)
        err().print(f"installed {path}; open a new shell to use it", markup=False)
        return Exit.OK
