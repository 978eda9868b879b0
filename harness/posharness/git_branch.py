"""Publishing into a branch of a git repository, as GitHub and GitLab serve pages from one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from posharness.errors import UserError
from posharness.temporary import temporary_folder

__all__ = ["GitBranch", "publish_to_branch"]

_TRIES = 8
"""How often a push is tried again after others have pushed meanwhile."""

_PATIENCE = 300.0
"""Seconds that one git command may take."""

_OWN = (".posharness/", "*.unfinished")
"""What publishing into a folder leaves for itself there."""

_EXACT = "* -text -filter -ident -working-tree-encoding"
"""The attributes of a file that git stores as it is."""


@dataclass(frozen=True)
class GitBranch:
    """A branch of a git repository, written `URL#branch`."""

    url: str
    branch: str

    @classmethod
    def parse(cls, text: str) -> GitBranch | None:
        """The branch that a text names; None for the path of a folder.

        Raises:
            UserError: the name cannot be that of a branch.
        """
        url, sign, branch = text.rpartition("#")
        if not sign or not url or Path(text).exists():
            return None
        wrong = url.startswith("-") or branch == "HEAD" or branch.startswith("refs/")
        if wrong or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}", branch):
            raise UserError(f"--to {text}: expected GIT_URL#branch, for example …/pages.git#gh-pages.")
        # git runs in another folder, where a relative path would name something else.
        return cls(str(Path(url).resolve()) if Path(url).exists() else url, branch)

    def __str__(self) -> str:
        # A password or token in the address stays out of messages, which end up in logs.
        shown = re.sub(r"^(https?://)[^/]*@", r"\1…@", self.url)
        return f"{shown}#{self.branch}"


def publish_to_branch(target: GitBranch, publish: Callable[[Path], Path], message: str) -> bool:
    """Publish into a fresh copy of a branch, and push it. A branch that does not exist is made.

    Nothing is forced: a push changes the branch as a whole or not at all. If others have pushed meanwhile, it
    is repeated on what they pushed.

    Args:
        publish: publishes into a folder.
        message: of the commit.

    Returns:
        Whether anything changed.

    Raises:
        UserError: there is no git, the repository cannot be read, or it refuses the push.
    """
    if shutil.which("git") is None:
        raise UserError(f"--to {target}: git is not installed; install it, or publish into a folder.")
    for _ in range(_TRIES):
        with temporary_folder("publish") as folder:
            site = folder / "site"
            old = _copy(target, site)
            publish(site)
            (site / ".nojekyll").touch()  # else GitHub leaves out what begins with an underscore
            # Forced: a .gitignore of the branch or of the user would leave out a part of the report.
            _git(site, "add", "--all", "--force", "--", ".", *(f":(exclude){name}" for name in _OWN))
            if old and not _git(site, "status", "--porcelain", "--untracked-files=no"):
                return False
            _git(site, "commit", "--quiet", "--no-verify", "-m", message)
            reason = _push(site, target)
        if not reason:
            return True
        meanwhile = re.search(r"fetch first|non-fast-forward|cannot lock ref|failed to update ref", reason)
        if not meanwhile or "exists; cannot create" in reason:  # pages/new beside pages, say
            raise UserError(f"--to {target}: the push was refused, and the branch is as it was: {reason}")
    raise UserError(f"--to {target}: others pushed each time meanwhile, {_TRIES} times; try again.")


def _copy(target: GitBranch, site: Path) -> str:
    """Make a working copy of the branch; return its commit, or "" for a new branch."""
    heads = _git(
        site.parent, "ls-remote", "--heads", "--", target.url, f"refs/heads/{target.branch}", to=target
    )
    if heads:
        options = ("--quiet", "--no-checkout", "--depth", "1", "--single-branch", "--branch", target.branch)
        # Without --no-local, a repository of this machine is copied file by file, while others push into it.
        _git(site.parent, "clone", "--no-local", *options, "--", target.url, str(site), to=target)
        _keep_every_byte(site)
        _git(site, "reset", "--quiet", "--hard")
        return heads.split()[0]
    _git(site.parent, "init", "--quiet", str(site))
    _keep_every_byte(site)
    _git(site, "symbolic-ref", "HEAD", f"refs/heads/{target.branch}")
    return ""


def _keep_every_byte(site: Path) -> None:
    """Let no .gitattributes of the branch or of the user change a file: it would not fit its checksum."""
    info = site / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "attributes").write_text(f"{_EXACT}\n")


def _push(site: Path, target: GitBranch) -> str:
    """Push the branch; return why not, "" if it was pushed."""
    try:
        _git(site, "push", "--quiet", "--", target.url, f"HEAD:refs/heads/{target.branch}")
    except _Failed as error:
        return error.reason
    return ""


class _Failed(UserError):
    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


def _git(folder: Path, *arguments: str, to: GitBranch | None = None) -> str:
    """Run git, without asking for passwords, hooks of the user or a signature; return what it prints."""
    quiet = ("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "core.autocrlf=false")
    surroundings = os.environ | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # set where a hook runs this command
        surroundings.pop(name, None)
    for name, value in (("NAME", "posharness"), ("EMAIL", "posharness@localhost")):
        if arguments[0] == "commit" and not _configured(folder, name.lower()):
            surroundings |= {f"GIT_AUTHOR_{name}": value, f"GIT_COMMITTER_{name}": value}
    try:
        made = subprocess.run(
            ["git", *quiet, *arguments],
            cwd=folder,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"git {arguments[0]} took longer than {_PATIENCE:.0f} s; try again.") from None
    if made.returncode:
        lines = [line for line in made.stderr.splitlines() if line.strip() and not line.startswith("hint:")]
        reason = "; ".join(line.strip() for line in lines) or f"exit status {made.returncode}"
        if len(reason) > 600:
            reason = f"{reason[:300]} … {reason[-300:]}"
        where = f"--to {to}: " if to else ""
        raise _Failed(f"{where}git {arguments[0]} failed: {reason}", reason)
    return made.stdout.strip()


def _configured(folder: Path, name: str) -> bool:
    asked = subprocess.run(
        ["git", "config", f"user.{name}"], cwd=folder, capture_output=True, check=False, timeout=_PATIENCE
    )
    return asked.returncode == 0 and bool(asked.stdout.strip())
