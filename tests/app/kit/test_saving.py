"""A file that is made when its button is pressed is there until the browser has it, however busy the server."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from app.kit import saving

NAME, MIME = "table.csv", "text/csv"


@pytest.fixture
def server(monkeypatch):
    """A server's keeper of files, with one visitor."""
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    here = SimpleNamespace(media_file_mgr=manager, open={"one"})
    here.is_active_session = here.open.__contains__
    monkeypatch.setattr(saving, "get_instance", lambda: here)
    monkeypatch.setattr(saving, "get_script_run_ctx", lambda: SimpleNamespace(session_id="one"))
    return here


def pressed(server, make) -> str:
    """Draw a button with this function and press it: the id of the file that a browser is told to fetch."""
    waiting = server.media_file_mgr.add_deferred(make, MIME, "0.1", NAME)
    return server.media_file_mgr.execute_deferred(waiting).rsplit("/", 1)[-1].split(".")[0]


def others_move(server) -> None:
    """What Streamlit does when the scripts of other visitors have ended."""
    for _ in range(5):
        server.media_file_mgr.remove_orphaned_files()


@pytest.mark.parametrize("data", [b"a,b\r\n", "é,b\r\n"])
def test_a_file_outlives_the_moves_of_others_and_not_that_of_its_visitor(server, data):
    bare = pressed(server, lambda: data)
    others_move(server)
    assert server.media_file_mgr.read_file(bare) is None  # as it would be without `saving`

    kept = pressed(server, saving._kept(lambda: data, NAME, MIME))
    others_move(server)
    assert server.media_file_mgr.read_file(kept).content == (data if isinstance(data, bytes) else data.encode())
    server.media_file_mgr.clear_session_refs("one")
    others_move(server)
    assert server.media_file_mgr.read_file(kept) is None


def test_of_many_files_of_one_visitor_the_last_is_kept_and_of_one_who_has_left_none(server):
    first = pressed(server, saving._kept(lambda: b"1", NAME, MIME))
    last = pressed(server, saving._kept(lambda: b"2", NAME, MIME))
    others_move(server)
    assert [server.media_file_mgr.read_file(one) is None for one in (first, last)] == [True, False]
    server.open.clear()
    left = pressed(server, saving._kept(lambda: b"3", NAME, MIME))
    others_move(server)
    assert server.media_file_mgr.read_file(left) is None
