"""Enough of a browser to meet the app: cookies, pages over their websocket, an upload."""

import http.client
import ssl
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

BASE = "/peft"
SECONDS = 120.0  # for a server to answer, or a page to be drawn, on a busy machine
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Browser:
    """Enough of a browser: it keeps cookies. `address` has no path."""

    address: str
    trusted: Path | None = None
    cookies: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, form: dict[str, str] | None = None, page: bool = True) -> tuple[int, str, str]:
        """Status, text, and where it leads."""
        headers = PAGE if page else {}
        if form is None:
            return self._send("GET", path, headers)
        headers = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, headers, urlencode(form).encode())

    def upload(self, session: str) -> int:
        """Send a file to a page that is open; the status of the answer."""
        border = uuid.uuid4().hex
        disposition = 'Content-Disposition: form-data; name="file"; filename="reviews.txt"'
        body = f"--{border}\r\n{disposition}\r\n\r\na wonderful film\r\n--{border}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={border}",
            "X-Xsrftoken": self.cookies.get("_streamlit_xsrf", ""),
        }
        return self._send("PUT", f"/_stcore/upload_file/{session}/{uuid.uuid4()}", headers, body)[0]

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, str, str]:
        parts = urlsplit(self.address)
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.netloc, timeout=30, context=self.context())
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        connection.request(method, BASE + path, body, headers | {"Cookie": self.cookie_line()})
        answer = connection.getresponse()
        for line in answer.headers.get_all("set-cookie") or []:
            name, _, rest = line.partition("=")
            self.cookies[name], _, self.attributes[name] = rest.partition(";")
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, text, answer.headers.get("location", "")

    def draw(self, page: str, upload: bool = False) -> int:
        """Run a page over the websocket; how many elements it drew.

        Args:
            upload: send a file while the page is open, which must be taken.

        Raises:
            AssertionError: if the file is not taken.
            Exception: of the websockets library, where the connection is refused.
        """
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.sync.client import connect

        secure = self.address.startswith("https")
        with connect(
            self.address.replace("http", "ws", 1) + f"{BASE}/_stcore/stream", subprotocols=["streamlit"],
            additional_headers={"Cookie": self.cookie_line()}, origin=self.address, max_size=None, open_timeout=30,
            **({"ssl": self.context()} if secure else {}),
        ) as stream:  # fmt: skip
            message = BackMsg()
            message.rerun_script.page_name = page
            stream.send(message.SerializeToString())
            drawn, session = 0, ""
            while True:
                answer = ForwardMsg.FromString(stream.recv(timeout=SECONDS))
                kind = answer.WhichOneof("type")
                drawn += kind == "delta"
                session = answer.new_session.initialize.session_id if kind == "new_session" else session
                if kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    status = self.upload(session) if upload else 204
                    assert status == 204, f"a file for an open page is answered with {status}"
                    return drawn

    def cookie_line(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.trusted)
