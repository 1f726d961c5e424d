"""A server of files by FTP on the loopback, which misbehaves as it is told to."""

import socket
import socketserver
import threading

__all__ = ["FtpServer"]


class FtpServer:
    """Serves bytes by path to anonymous users, in passive mode.

    Parameters
    ----------
    files : dict of str to bytes
        What is there.

    Attributes
    ----------
    acts : list
        What happens to the next transfers: ``("cut", n)`` ends the connection after n bytes and says so, ``("silent",
        n)`` ends it as if all had been sent, ``("answer", text)`` answers that in place of a transfer.
    commands : list of str
        What was said to the server.
    tells_size, modified : bool, str or None
        Whether it knows SIZE, and the answer to MDTM. Default True and ``"20220629120000"``.
    login : str
        Answer to the password. Default ``"230 welcome"``.
    """

    def __init__(self, files):
        self.files, self.acts, self.commands = dict(files), [], []
        self.tells_size, self.modified, self.login = True, "20220629120000", "230 welcome"

    def __enter__(self):
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                _Session(outer, self).run()

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"ftp://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()

    def transfers(self):
        """Commands that asked for a file, or for a part of one."""
        return [command for command in self.commands if command.startswith(("RETR", "REST"))]


class _Session:
    """One client's connection."""

    def __init__(self, server, handler):
        self.server, self.handler, self.start, self.listener = server, handler, 0, None

    def run(self):
        self.say("220 ready")
        for line in self.handler.rfile:
            command = line.decode().strip()
            self.server.commands.append(command)
            verb, _, argument = command.partition(" ")
            getattr(self, f"do_{verb.lower()}", self.unknown)(argument)

    def say(self, text):
        self.handler.wfile.write(f"{text}\r\n".encode())

    def unknown(self, argument):
        self.say("502 not here")

    def do_user(self, argument):
        self.say("331 and the password?")

    def do_pass(self, argument):
        self.say(self.server.login)

    def do_type(self, argument):
        self.say("200 bytes")

    def do_size(self, argument):
        body = self.server.files.get(argument.lstrip("/"))
        self.say("550 what?" if body is None or not self.server.tells_size else f"213 {len(body)}")

    def do_mdtm(self, argument):
        self.say(f"213 {self.server.modified}" if self.server.modified else "502 not here")

    def do_rest(self, argument):
        self.start = int(argument)
        self.say("350 from there")

    def do_pasv(self, argument):
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.say(f"227 Entering Passive Mode (127,0,0,1,{port // 256},{port % 256})")

    def do_epsv(self, argument):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.say(f"229 Entering Extended Passive Mode (|||{self.listener.getsockname()[1]}|)")

    def do_retr(self, argument):
        body = self.server.files.get(argument.lstrip("/"))
        kind, value = self.server.acts.pop(0) if self.server.acts else (None, None)
        if kind == "answer" or body is None:
            self.listener.close()
            self.say(value if kind == "answer" else "550 no such file")
            return
        self.say("150 here it comes")
        connection, _ = self.listener.accept()
        with connection, self.listener:
            connection.sendall(body[self.start :][: value if kind else None])
        self.start = 0
        self.say("426 the connection broke" if kind == "cut" else "226 all sent")
