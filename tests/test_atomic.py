"""Folders and files that appear only when they are complete: nothing is left of an error, nothing else is removed."""

import pytest
from got.got_models.files.atomic import atomic_file, atomic_folder


def test_a_folder_appears_at_the_end(tmp_path):
    with atomic_folder(tmp_path / "a" / "out") as folder:
        (folder / "file").write_text("1")
        assert not (tmp_path / "a" / "out").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]
    assert (tmp_path / "a" / "out" / "file").read_text() == "1"


def test_nothing_is_left_of_an_error_and_what_was_there_stays(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    (tmp_path / "file.npy").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "out", replace=True) as folder:
        (folder / "new").touch()
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "file.npy") as file:
        file.write_text("new")
        raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file.npy", "old", "out"]
    assert (tmp_path / "file.npy").read_text() == "old"


def test_a_folder_with_content_is_replaced_only_if_asked(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    with pytest.raises(OSError), atomic_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / "old").exists()
    with atomic_folder(tmp_path / "out", replace=True):
        pass
    assert not any((tmp_path / "out").iterdir())


def test_an_empty_folder_is_taken_and_what_a_killed_run_left_goes(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out.unfinished").mkdir()
    (tmp_path / "out.unfinished" / "half").touch()
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "whole").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole"]


def test_a_file_appears_at_the_end_and_replaces_the_old_one(tmp_path):
    (tmp_path / "file.npy").write_text("old")
    with atomic_file(tmp_path / "file.npy") as file:
        file.write_text("new")
        assert file.suffix == ".npy" and (tmp_path / "file.npy").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.npy"]
    assert (tmp_path / "file.npy").read_text() == "new"
