"""What a store's URL may be."""

from pathlib import Path

import pytest

from dhcpcallout.errors import StoreOpenError
from dhcpcallout.leases import Lease, LeaseChange
from dhcpcallout.stores import URL_FORMS, MemoryStore, SqliteStore, open_store, read_leases

ROW = Lease(0x0A000001, b"\1\0\x0c\1\2\3\4", 1, b"\0\x0c\1\2\3\4", 0, 1000, 5000)


def test_memory_url_opens_a_store_in_memory() -> None:
    assert isinstance(open_store("memory:"), MemoryStore)


@pytest.mark.parametrize("relative", ["leases.db", "./leases.db", "sub/../leases.db", "a name?mode=memory#%41.db"])
def test_sqlite_url_is_relative_to_the_folder(tmp_path: Path, relative: str) -> None:
    (tmp_path / "sub").mkdir()
    store = open_store(f"sqlite:{relative}", tmp_path)
    assert isinstance(store, SqliteStore)
    store.commit([LeaseChange(None, ROW)])
    store.close()
    assert (tmp_path / relative).resolve().stat().st_size > 0
    assert list(read_leases(f"sqlite:{relative}", tmp_path)) == [ROW]


def test_sqlite_url_with_an_absolute_path_ignores_the_folder(tmp_path: Path) -> None:
    open_store(f"sqlite:{tmp_path}/leases.db", "/nowhere").close()
    assert (tmp_path / "leases.db").exists()


def test_relative_path_without_a_folder_is_in_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:leases.db").close()
    assert (tmp_path / "leases.db").exists()


@pytest.mark.parametrize(
    "url", ["", "memory", "memory:x", "sqlite", "sqlite:", "leases.db", "/leases.db", "mysql://h", "Sqlite:x", ":x"]
)
def test_any_other_url_is_refused_with_the_forms_there_are(url: str, tmp_path: Path) -> None:
    for use in (open_store, read_leases):
        with pytest.raises(StoreOpenError) as caught:
            use(url, tmp_path)
        assert repr(url) in str(caught.value)
        assert all(form in str(caught.value) for form in URL_FORMS)
    assert not list(tmp_path.iterdir())


def test_leases_in_memory_cannot_be_read_from_outside() -> None:
    with pytest.raises(StoreOpenError, match="memory of the server's own process"):
        read_leases("memory:")
