"""Folders and files that appear only when they are complete: nothing is left of an error, nothing else is removed."""

import errno
import os
from pathlib import Path

import pytest
from got.got_models.files.atomic import LOCK, OutputError, atomic_file, atomic_folder


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
    with pytest.raises(OutputError) as error, atomic_folder(tmp_path / "out") as folder:
        (folder / "new").touch()
    assert "The complete result is in" in str(error.value)
    assert [path.name for path in tmp_path.glob("out.unfinished-*/out/*")] == ["new"]
    assert (tmp_path / "out" / "old").exists()
    with atomic_folder(tmp_path / "out", replace=True):
        pass
    assert not any((tmp_path / "out").iterdir())


def test_an_empty_folder_is_taken_and_what_a_killed_run_left_goes(tmp_path):
    (tmp_path / "out").mkdir()
    killed = tmp_path / "out.unfinished-a1b2"
    (killed / "out").mkdir(parents=True)
    (killed / "out" / "half").touch()
    (killed / LOCK).touch()
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "whole").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["out.unfinished", "out.unfinished-mine", "outlet.unfinished-a1b2"])
def test_a_persons_own_folder_stays(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").touch()
    if name.startswith("outlet"):
        (tmp_path / name / LOCK).touch()
    with atomic_folder(tmp_path / "out"):
        pass
    assert (tmp_path / name / "mine").exists()


def test_a_second_run_leaves_the_first_ones_folder(tmp_path):
    with atomic_folder(tmp_path / "out") as first:
        (first / "one").touch()
        with pytest.raises(OutputError, match="Another run is making"), atomic_folder(tmp_path / "out"):
            pass
        (first / "two").touch()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one", "two"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_names_with_pattern_letters(tmp_path):
    with atomic_folder(tmp_path / "a[1]*") as first, pytest.raises(OutputError), atomic_folder(tmp_path / "a[1]*"):
        (first / "never").touch()
    with atomic_folder(tmp_path / "b1"), atomic_folder(tmp_path / "b[1]"):
        pass


@pytest.mark.parametrize("target", ["empty", "missing"])
def test_an_output_that_is_a_link(tmp_path, target):
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / target)
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "file").touch()
    assert (tmp_path / "out").is_symlink() and (tmp_path / target / "file").exists()


def test_a_link_is_replaced_by_content_at_its_target(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "old").touch()
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with atomic_folder(tmp_path / "out", replace=True) as folder:
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["new"]


def test_the_result_and_what_was_there_survive_a_failed_last_step(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    rename = Path.rename

    def fail(self, target):
        if self.name == "out" and "unfinished" in self.parent.name:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    with pytest.raises(OutputError, match="complete result is in"), monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with atomic_folder(tmp_path / "out", replace=True) as folder:
            (folder / "new").touch()
    assert (tmp_path / "out" / "old").exists()
    with atomic_folder(tmp_path / "out", replace=True):  # another run does not remove it
        pass
    assert [path.name for path in tmp_path.glob("out.unfinished-*/out/*")] == ["new"]


def test_a_file_appears_at_the_end_and_replaces_the_old_one(tmp_path):
    (tmp_path / "file.npy").write_text("old")
    with atomic_file(tmp_path / "file.npy") as file:
        file.write_text("new")
        assert file.suffix == ".npy" and (tmp_path / "file.npy").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.npy"]
    assert (tmp_path / "file.npy").read_text() == "new"
