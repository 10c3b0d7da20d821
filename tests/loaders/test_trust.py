import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from dhcpcallout.errors import CalloutLoadError
from dhcpcallout.loaders.trust import check_file, check_folder, sha256_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and owners say nothing there")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that is all right: /tmp/.../a/b/callout.so."""
    file = tmp_path / "a" / "b" / "callout.so"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"code")
    for path, mode in ((file.parents[1], 0o755), (file.parent, 0o755), (file, 0o644)):
        path.chmod(mode)  # whatever the umask
    return file


def refusal(path: Path, check: Callable[[str], None] = check_file) -> str:
    with pytest.raises(CalloutLoadError) as raised:
        check(str(path))
    return str(raised.value)


def test_a_file_of_ours_is_all_right(file: Path) -> None:
    check_file(str(file))


def test_a_file_of_the_system_is_all_right() -> None:
    check_file("/bin/sh")


def test_sticky_folders_on_the_way_are_all_right() -> None:
    assert os.stat("/tmp").st_mode & stat.S_ISVTX
    check_folder("/bin")
    with pytest.raises(FileNotFoundError):
        check_file("/tmp/there-is-no-such-callout.so")


@pytest.mark.parametrize("mode", [0o646, 0o666, 0o777])
def test_a_file_that_everybody_may_write_to_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert refusal(file) == f"{file}: is refused: everybody may write to {file}: chmod go-w {file}"


@pytest.mark.parametrize("place", [0, 1])
def test_a_folder_above_it_that_everybody_may_write_to_is_refused(file: Path, place: int) -> None:
    folder = file.parents[place]
    folder.chmod(0o757)
    assert refusal(file) == f"{file}: is refused: everybody may write to {folder}: chmod go-w {folder}"
    # With the sticky bit nobody can put another file in the place of ours.
    folder.chmod(0o1757)
    check_file(str(file))


def test_what_is_advised_helps(file: Path) -> None:
    file.chmod(0o666)
    file.parent.chmod(0o777)
    for _ in range(2):
        command = refusal(file).rpartition(": ")[2]
        subprocess.run(command, shell=True, check=True)
    check_file(str(file))


def test_a_file_that_is_not_there_is_said_not_to_be_once_its_folders_are_all_right(file: Path) -> None:
    file.unlink()
    with pytest.raises(FileNotFoundError):
        check_file(str(file))
    file.parent.chmod(0o777)
    assert "everybody may write to" in refusal(file)


def test_what_is_no_file_is_refused(file: Path) -> None:
    assert refusal(file.parent).endswith(f"is refused: {file.parent} is no regular file")
    pipe = file.parent / "pipe.so"
    os.mkfifo(pipe)
    assert refusal(pipe).endswith(f"is refused: {pipe} is no regular file")
    with pytest.raises(CalloutLoadError, match="is no regular file"):
        sha256_of(str(pipe))


@pytest.mark.parametrize("path", ["/a\0b.so", "/tmp/\ud800.so"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(CalloutLoadError, match="is no path"):
        check_file(path)


def test_what_is_no_folder_on_the_way_is_refused(file: Path) -> None:
    assert refusal(file / "x.so").endswith("cannot be looked at: Not a directory")


def test_links_are_followed_and_the_folders_of_both_ends_looked_at(file: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir(mode=0o755)
    link = tmp_path / "links" / "callout.so"
    link.symlink_to("../folder/callout.so")
    (tmp_path / "folder").symlink_to(file.parent)
    check_file(str(link))
    (tmp_path / "links").chmod(0o777)
    assert f"everybody may write to {tmp_path}/links:" in refusal(link)
    (tmp_path / "links").chmod(0o755)
    file.parent.parent.chmod(0o777)
    assert f"everybody may write to {file.parent.parent}:" in refusal(link)
    file.parent.parent.chmod(0o755)
    file.chmod(0o666)
    assert f"everybody may write to {file}:" in refusal(link)


def test_the_folder_behind_a_link_is_the_one_that_dots_lead_out_of(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True, mode=0o755)
    (tmp_path / "deep").symlink_to("elsewhere/deep")
    (tmp_path / "elsewhere" / "callout.so").symlink_to(file)
    link = tmp_path / "link.so"
    link.symlink_to("deep/../callout.so")
    check_file(str(link))
    file.chmod(0o666)
    assert f"everybody may write to {file}:" in refusal(link)


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.so").symlink_to("b.so")
    (tmp_path / "b.so").symlink_to("a.so")
    assert "cannot be looked at: Too many levels of symbolic links" in refusal(tmp_path / "a.so")


def test_what_another_user_owns_is_refused(file: Path, require_system: Callable[..., None]) -> None:
    require_system(root=True)
    os.chown(file, 12345, -1)
    assert refusal(file) == (
        f"{file}: is refused: {file} is owned by user 12345, who may change it; it must be root's: chown root {file}"
    )
    os.chown(file, 0, -1)
    os.chown(file.parent, 12345, -1)
    assert f"{file.parent} is owned by user 12345" in refusal(file)
    os.chown(file.parent, 0, -1)
    link = file.with_name("link.so")
    link.symlink_to(file.name)
    os.chown(link, 12345, -1, follow_symlinks=False)
    # Its owner may lead it elsewhere where the folder is sticky, and may be told apart by nothing else.
    assert refusal(link).endswith(f"chown -h root {link}")


PROGRAM = """
import os, sys
from dhcpcallout.loaders.trust import check_file
os.setgroups([])
os.setgid(12345)
os.setuid(12345)
try:
    check_file(sys.argv[1])
except Exception as error:
    print(error)
else:
    print("all right")
"""


def as_another_user(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], check=True, capture_output=True, text=True)
    return done.stdout.rstrip("\n")


def test_the_files_of_root_and_of_the_servers_user_are_all_right_and_root_is_not_everybodys_friend(
    require_system: Callable[..., None],
) -> None:
    require_system(root=True)
    # Not below pytest's folders, which other users cannot look into.
    done = subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True)
    folder = Path(done.stdout.strip())
    try:
        folder.chmod(0o755)
        file = folder / "callout.so"
        file.write_bytes(b"code")
        assert as_another_user(file) == "all right"
        os.chown(file, 12345, 12345)
        assert as_another_user(file) == "all right"
        # A group that no list has, so that nobody knows who else is in it.
        file.chmod(0o664)
        assert f"the group 12345 may write to {file}: chmod g-w {file}" in as_another_user(file)
        os.chown(file, 12346, 12345)
        assert "is owned by user 12346" in as_another_user(file)
        assert "; it must be root's or user 12345's: chown root " in as_another_user(file)
    finally:
        subprocess.run(["rm", "-r", str(folder)], check=True)


def account(monkeypatch: pytest.MonkeyPatch, members: Sequence[str], same_group: Sequence[str]) -> None:
    """Have this process's primary group have these members, and be these users' primary group."""
    uids = {"root": 0, "me": os.geteuid(), "other": 54321}
    known = {name: SimpleNamespace(pw_name=name, pw_uid=uid, pw_gid=54321) for name, uid in uids.items()}
    for name in same_group:
        known[name].pw_gid = os.getegid()
    group = SimpleNamespace(gr_name="ours", gr_mem=list(members))
    monkeypatch.setattr("grp.getgrgid", lambda gid: group)
    monkeypatch.setattr("pwd.getpwnam", lambda name: known[name])
    monkeypatch.setattr("pwd.getpwall", lambda: list(known.values()))


@pytest.mark.parametrize(
    ("members", "same_group", "is_ours_alone"),
    [
        ([], ["me"], True),
        (["me", "root"], ["me", "root"], True),
        (["other"], ["me"], False),
        ([], ["me", "other"], False),
        (["nobody knows"], ["me"], False),
    ],
)
def test_the_own_group_may_write_where_nobody_else_is_in_it(
    file: Path, members: list[str], same_group: list[str], is_ours_alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(monkeypatch, members, same_group)
    file.chmod(0o664)
    file.parent.chmod(0o775)
    if is_ours_alone:
        check_file(str(file))
    else:
        assert f"the group ours may write to {file.parent}: chmod g-w {file.parent}" in refusal(file)


def test_another_group_may_not_write(
    file: Path, monkeypatch: pytest.MonkeyPatch, require_system: Callable[..., None]
) -> None:
    require_system(root=True)
    account(monkeypatch, [], [])
    os.chown(file, -1, 12345)
    file.chmod(0o664)
    assert f"the group ours may write to {file}" in refusal(file)
    file.chmod(0o644)
    check_file(str(file))


@pytest.mark.skipif(sys.platform != "linux", reason="the lists are found by the names of their attributes on Linux")
def test_with_an_access_control_list_a_groups_right_is_not_the_groups_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(monkeypatch, [], [])
    file.chmod(0o664)
    check_file(str(file))
    monkeypatch.setattr(os, "listxattr", lambda name: ["system.posix_acl_access"])
    assert "the group ours may write to" in refusal(file)


def test_a_folder_to_import_from_is_to_be_nobody_elses_to_write_to(tmp_path: Path) -> None:
    folder = tmp_path / "modules"
    folder.mkdir(mode=0o755)
    check_folder(str(folder))
    # Whoever may add files adds modules: a sticky bit does not help here.
    folder.chmod(0o1777)
    assert refusal(folder, check_folder).endswith(f"is refused: everybody may write to {folder}: chmod go-w {folder}")
    with pytest.raises(FileNotFoundError):
        check_folder(str(tmp_path / "none"))


def test_the_hash_is_that_of_the_content(file: Path) -> None:
    assert sha256_of(str(file)) == hashlib.sha256(b"code").hexdigest()


def test_a_file_that_cannot_be_read_cannot_be_hashed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        sha256_of(str(file.with_name("none.so")))

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(CalloutLoadError, match="cannot be read: Permission denied"):
        sha256_of(str(file))
