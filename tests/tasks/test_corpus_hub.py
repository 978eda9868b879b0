"""Corpora on the Hub, against a server on this machine that answers as the Hub does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pyarrow
import pyarrow.parquet
import pytest

ROWS = [
    text
    for article in range(40)
    for text in (
        f" = Title {article} = ",
        *(f" Row {i} of article {article} is here . It ends ." for i in range(9)),
    )
]
REVISION = "a" * 40


def parquet() -> bytes:
    file = BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"text": ROWS}), file)
    return file.getvalue()


CARD = b"""---
configs:
- config_name: small
  data_files: train.parquet
- config_name: large
  data_files: train.parquet
---
"""
FILES = {"README.md": CARD, "train.parquet": parquet()}


class Hub(BaseHTTPRequestHandler):
    """One data set, `me/texts`, with two configurations."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        api = "/api/datasets/me/texts"
        name = path.rpartition("/")[2]
        if name == "unreachable":
            return  # and the connection closes without an answer
        if path.startswith(api + "/tree/"):
            self.answer([entry(name) for name in FILES])
        elif path == api or path.startswith(api + "/revision/"):
            self.answer({"id": "me/texts", "sha": REVISION, "siblings": [{"rfilename": f} for f in FILES]})
        elif path.startswith("/datasets/me/texts/resolve/") and name in FILES:
            self.send_file(FILES[name], {"X-Repo-Commit": REVISION, "ETag": f'"{entry(name)["oid"]}"'})
        else:
            known = "me/texts" in path
            self.send(b"{}", 404, {"X-Error-Code": "EntryNotFound" if known else "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def answer(self, value: object) -> None:
        self.send(json.dumps(value).encode(), 200, {"Content-Type": "application/json"})

    def send_file(self, content: bytes, headers: dict[str, str]) -> None:
        """All of it, or the bytes that are asked for."""
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        if not asked:
            self.send(content, 200, headers)
            return
        first, _, last = asked.partition("-")
        start, end = int(first), min(int(last or len(content)), len(content) - 1)
        self.send(
            content[start : end + 1], 206, {**headers, "Content-Range": f"bytes {start}-{end}/{len(content)}"}
        )

    def send(self, body: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def entry(name: str) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(FILES[name]), "oid": sha1(FILES[name]).hexdigest()}


@pytest.fixture
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


ASK = """
import sys
from pathlib import Path
from posharness.contracts import UserError
from posharness_tasks.bert.corpora.corpus import prepare_corpus
for name in sys.argv[2:]:
    try:
        corpus = prepare_corpus(name, Path(sys.argv[1]))
        print(corpus.documents, corpus.sentences)
    except UserError as error:
        print(error)
"""


def ask(endpoint: str, folder: Path, *names: str) -> list[str]:
    """What preparing each corpus says; the Hub's address is read on import only."""
    settings = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(folder / "hf"),
        "NO_PROXY": "127.0.0.1",
        "HF_HUB_OFFLINE": "0",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASK, str(folder / "cache"), *names],
        env={**os.environ, **settings, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_DATASETS_OFFLINE": "0"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_data_set_is_loaded_once_and_every_failure_is_a_sentence(hub: str, tmp_path: Path) -> None:
    names = ("me/texts:small", "me/texts:small", "me/texts", "me/texts:tiny", "me/none", "me/unreachable")
    loaded, again, unnamed, unknown, absent, unreachable = ask(hub, tmp_path, *names)
    assert loaded == again == "40 720"
    assert sum(path.endswith("train.parquet") for path in Hub.asked) == 2  # its size, and its content
    assert "small" in unnamed
    assert "large" in unnamed
    assert "'tiny' not found" in unknown
    assert "neither a local file nor a data set on the Hub" in absent
    assert "the Hub cannot be reached" in unreachable
    prepared = [path for path in (tmp_path / "cache" / "corpora").iterdir() if path.suffix != ".lock"]
    assert len(prepared) == 1
