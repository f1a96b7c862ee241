"""A mail server over real sockets, as good or bad as it is told to be."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from types import TracebackType


class MailServer:
    """Takes mails in threads. `refuse` are recipients it does not take, `answers` other answers by command, `silent_at` the
    command at which it only says a byte now and then."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.refuse: set[str] = set()
        self.answers: dict[str, str] = {}
        self.silent_at = ""
        self.mails: list[tuple[list[str], bytes]] = []
        self.logins: list[str] = []
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> MailServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stop.set()
        for each in self._threads:
            each.join(timeout=5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection).settimeout(5)
            self._talk(connection, stack)

    def _talk(self, plain: socket.socket, stack: contextlib.ExitStack) -> None:
        connection, secure = plain, False
        connection.sendall(b"220 mail.test\r\n")
        lines, to = connection.makefile("rb"), list[str]()
        while line := lines.readline():
            text = line.decode().strip()
            command = text.partition(" ")[0].upper()
            while self.silent_at == command and not self._stop.is_set():
                connection.sendall(b"2")
                time.sleep(0.02)
            if command in self.answers:
                connection.sendall(self.answers[command].encode() + b"\r\n")
            elif command == "EHLO":
                more = b"250-STARTTLS\r\n" if self._tls is not None and not secure else b""
                connection.sendall(b"250-mail.test\r\n" + more + b"250 AUTH PLAIN\r\n")
            elif command == "STARTTLS" and self._tls is not None:
                connection.sendall(b"220 go on\r\n")
                connection = stack.enter_context(self._tls.wrap_socket(plain, server_side=True))
                secure = True
                lines = connection.makefile("rb")
            elif command == "AUTH":
                self.logins.append(text)
                connection.sendall(b"235 welcome\r\n")
            elif command == "RCPT":
                address = text.partition("<")[2].partition(">")[0]
                if address in self.refuse:
                    connection.sendall(b"550 nobody here\r\n")
                else:
                    to.append(address)
                    connection.sendall(b"250 fine\r\n")
            elif command == "DATA":
                connection.sendall(b"354 go on\r\n")
                content = b""
                while (part := lines.readline()) != b".\r\n":
                    content += part
                self.mails.append((to, content))
                to = []
                connection.sendall(b"250 taken\r\n")
            elif command == "QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            else:
                connection.sendall(b"250 fine\r\n")
