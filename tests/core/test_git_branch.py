"""A branch of a git repository gets a report whole or stays as it was, whoever else publishes into it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from posharness.errors import UserError
from posharness.git_branch import GitBranch, publish_to_branch

PUBLISH = """
import sys
from pathlib import Path
from posharness.git_branch import GitBranch, publish_to_branch

def publish(site):
    site.mkdir(exist_ok=True)
    (site / sys.argv[2]).write_text("report")

publish_to_branch(GitBranch.parse(sys.argv[1]), publish, "Publish")
"""


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    path = tmp_path / "pages.git"
    git(tmp_path, "init", "--quiet", "--bare", str(path))
    return path


def publish(remote: Path, name: str, content: str = "report") -> bool:
    def write(site: Path) -> Path:
        site.mkdir(exist_ok=True)
        (site / ".posharness").mkdir(exist_ok=True)
        (site / ".posharness" / "publish.lock").touch()
        (site / name).write_bytes(content.encode())
        return site

    target = GitBranch.parse(f"{remote}#pages")
    assert target is not None
    return publish_to_branch(target, write, f"Publish {name}")


def files(remote: Path) -> list[str]:
    return git(remote, "ls-tree", "-r", "--name-only", "pages").splitlines()


def test_again_changes_nothing_and_another_joins(remote: Path) -> None:
    assert publish(remote, "a.html")
    first = git(remote, "rev-parse", "pages")
    assert not publish(remote, "a.html")
    assert git(remote, "rev-parse", "pages") == first
    assert publish(remote, "b.html")
    assert files(remote) == [".nojekyll", "a.html", "b.html"]
    assert git(remote, "rev-parse", "pages~1") == first
    assert publish(remote, "a.html", "another")
    assert git(remote, "show", "pages:a.html") == "another"


def test_what_a_branch_ignores_or_rewrites_is_published_as_it_is(remote: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    git(tmp_path, "init", "--quiet", "--initial-branch", "pages", str(others))
    (others / ".gitignore").write_text("*.csv\n")
    (others / ".gitattributes").write_text("* text eol=crlf\n")
    (others / "notes.txt").write_text("theirs\n")
    git(others, "add", "--all")
    git(others, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "-m", "others")
    git(others, "push", "--quiet", str(remote), "pages")
    theirs = git(remote, "rev-parse", "pages:notes.txt")
    assert publish(remote, "table.csv", "1,2\r\n")
    stored = ["git", "cat-file", "blob", "pages:table.csv"]
    assert subprocess.run(stored, cwd=remote, check=True, capture_output=True).stdout == b"1,2\r\n"
    assert git(remote, "rev-parse", "pages:notes.txt") == theirs
    assert not publish(remote, "table.csv", "1,2\r\n")


def test_a_refused_push_leaves_the_branch_and_says_why(remote: Path) -> None:
    publish(remote, "a.html")
    before = git(remote, "rev-parse", "pages")
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not on Sundays >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(UserError, match=r"the branch is as it was: .*not on Sundays"):
        publish(remote, "b.html")
    assert git(remote, "rev-parse", "pages") == before
    assert files(remote) == [".nojekyll", "a.html"]


def test_who_publishes_at_once_waits_for_no_one_and_loses_nothing(remote: Path) -> None:
    names = [f"{number}.html" for number in range(3)]
    running = [subprocess.Popen([sys.executable, "-c", PUBLISH, f"{remote}#pages", name]) for name in names]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert files(remote) == [".nojekyll", *names]


def test_what_another_leaves_half_written_does_not_matter(remote: Path) -> None:
    """Git copies a repository of the same machine file by file, also those that a push is about to move."""
    assert publish(remote, "a.html")
    incoming = remote / "objects" / "tmp_objdir-incoming-0ssCgd"
    incoming.mkdir()
    (incoming / "24").symlink_to(incoming / "moved")
    assert publish(remote, "b.html")
    assert files(remote) == [".nojekyll", "a.html", "b.html"]


@pytest.mark.parametrize("text", ["site", "a/b/c", "#branch", "site#"])
def test_a_folder_is_no_branch(text: str) -> None:
    if text == "site#":
        with pytest.raises(UserError, match="GIT_URL#branch"):
            GitBranch.parse(text)
    else:
        assert GitBranch.parse(text) is None


@pytest.mark.parametrize(
    "text", ["--upload-pack=x#b", "x.git#../b", "x.git#-b", "x.git#HEAD", "x.git#refs/heads/b"]
)
def test_what_git_would_take_for_an_option_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="GIT_URL#branch"):
        GitBranch.parse(text)


def test_a_branch_that_another_stands_in_the_way_of_is_refused_with_the_reason(remote: Path) -> None:
    publish(remote, "a.html")
    target = GitBranch.parse(f"{remote}#pages/new")
    assert target is not None
    with pytest.raises(UserError, match=r"the push was refused.*exists; cannot create"):
        publish_to_branch(target, lambda site: site, "Publish")


def test_no_message_shows_a_token() -> None:
    target = GitBranch.parse("https://me:secret@example.org/pages.git#pages")
    assert target is not None
    assert "secret" in target.url
    assert str(target) == "https://…@example.org/pages.git#pages"


def test_a_repository_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.git#pages: git ls-remote failed"):
        publish(tmp_path / "nowhere.git", "a.html")
