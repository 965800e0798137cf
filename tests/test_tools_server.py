"""tools/server.py: a user's files in its base folder stay as they are.

Run: python dev.py test tests/test_tools_server.py
"""

import socket

import pytest
from got.tools.server import PACK_NAME, Server, ServerError


def files(base):
    return {path.relative_to(base): path.read_bytes() for path in base.rglob("*") if path.is_file()}


@pytest.fixture
def persons(tmp_path, monkeypatch):
    """A user's folder, with a file wherever ComfyUI or we have files of the same name."""
    base = tmp_path / "persons"
    for name in ("temp/mine.txt", "input/example.png", "user/default/comfy.settings.json", "server.log"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    return base


@pytest.mark.slow
def test_a_run_leaves_a_persons_files_as_they_are(persons):
    before = files(persons)
    with Server("persons") as server:  # a relative path, which ComfyUI would take from its own folder
        assert server.process.poll() is None
    assert before.items() <= files(persons).items()
    assert (persons / "custom_nodes" / PACK_NAME / "dev.py").is_file()


@pytest.mark.parametrize(("place", "name"), [("custom_nodes", PACK_NAME), ("models/got", "mine")])
def test_a_folder_in_the_way_is_named_and_kept(tmp_path, place, name):
    (tmp_path / "model").mkdir()
    for base in (tmp_path / "new", tmp_path / "persons"):
        server = Server(base, models={"mine": tmp_path / "model"})
        if base.name == "new":
            server._fill_base()
            (base / place / name).unlink()
        (base / place / name).mkdir(parents=True)
        (base / place / name / "own.py").write_text("a person's work")
        with pytest.raises(ServerError, match=f"{name} is there already"):
            server.start()
        assert (base / place / name / "own.py").read_text() == "a person's work"


def test_a_link_is_replaced_only_where_it_is_ours(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    ours, persons = tmp_path / "ours", tmp_path / "persons"
    Server(ours, models={"mine": old})._fill_base()
    Server(ours, models={"mine": new})._fill_base()
    assert (ours / "models" / "got" / "mine").resolve() == new
    (persons / "models" / "got").mkdir(parents=True)
    (persons / "models" / "got" / "mine").symlink_to(old)
    with pytest.raises(ServerError, match="mine is there already"):
        Server(persons, models={"mine": new})._fill_base()
    assert (persons / "models" / "got" / "mine").resolve() == old


def test_a_port_that_is_taken_is_named_and_nothing_is_made(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"on port {port}"):
            Server(tmp_path / "base", port=port).start()
    assert not (tmp_path / "base").exists()
