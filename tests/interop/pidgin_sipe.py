"""A user of persistent chat in finch with pidgin-sipe, and one of XMPP, in the same room.

finch is Debian's, in a terminal of tmux; it is asked over D-Bus to do what its user would, and what it says to the server
and hears from it stands in its own trace. It signs in over TLS, finds the pool by provisioning, lists the rooms, enters
one, reads what was said before, and speaks with the other; the server is stopped and started, and both go on.

    apt-get install finch pidgin-sipe tmux dbus gcc libxml2-dev
    $(tests/interop/venv) tests/interop/pidgin_sipe.py [--show]

finch waits for 8 to 60 s before it connects again, so this takes up to two minutes. `--show` prints its screen at the end.
"""

import asyncio
import logging
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from slixmpp.exceptions import XMPPError

from persistence import PATIENCE_S, PEOPLE, ROOM, Failure, Person, Server, free_port, make_room, password_of

ROOM_URI = "ma-chan://rooms.localhost/kitchen"
# finch doubles what it waits for as long as it finds nobody.
RECONNECTION_S = 150


class Finch:
    """finch in a terminal that nobody looks at, with a home of its own."""

    def __init__(self, folder, server, name):
        self.folder, self.server, self.name = folder, server, name
        self.trace_file, self.bus_file = folder / "trace", folder / "bus"
        self.terminal = ["tmux", "-S", str(folder / "tmux")]
        self.account = self.connection = None

    def start(self):
        shim = self.folder / "sax1.so"
        source = pathlib.Path(__file__).with_name("sax1.c")
        flags = subprocess.run(["xml2-config", "--cflags"], check=True, capture_output=True, text=True).stdout.split()
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, *flags], check=True)
        home = self.folder / "home" / ".purple"
        peers = home / "certificates" / "x509" / "tls_peers"
        peers.mkdir(parents=True)
        shutil.copy(self.server.folder / "server.pem", peers / "localhost")
        (home / "accounts.xml").write_text(self.accounts())
        script = self.folder / "run.sh"
        script.write_text(
            f'echo "$DBUS_SESSION_BUS_ADDRESS" >{self.bus_file}.new && mv {self.bus_file}.new {self.bus_file}\n'
            f"export HOME={home.parent} LD_PRELOAD={shim} LANG=C.UTF-8\n"
            f"exec finch -d 2>{self.trace_file}\n"
        )
        size = ["-x", "100", "-y", "30"]
        command = f"dbus-run-session -- sh {script}"
        subprocess.run([*self.terminal, "new-session", "-d", *size, command], check=True)

    def accounts(self):
        settings = {"server": f"localhost:{self.server.sip_port}", "transport": "tls", "authentication": "auto"}
        written = "".join(f"<setting name='{name}' type='string'>{value}</setting>" for name, value in settings.items())
        return (
            "<?xml version='1.0' encoding='UTF-8' ?><account version='1.0'><account><protocol>prpl-sipe</protocol>"
            # What stands behind the comma is the login: where there is none, the address is.
            f"<name>{self.name}@localhost,</name><password>{password_of(self.name)}</password>"
            f"<settings>{written}</settings><settings ui='gnt-purple'>"
            "<setting name='auto-login' type='bool'>1</setting></settings></account></account>"
        )

    def stop(self):
        """Lets it sign out and end, and with it the bus that was its own."""
        if self.bus_file.exists():
            self.ask("PurpleCoreQuit")
            deadline = time.monotonic() + PATIENCE_S
            while self.is_open() and time.monotonic() < deadline:
                time.sleep(0.1)
        subprocess.run([*self.terminal, "kill-server"], stderr=subprocess.DEVNULL)

    def is_open(self):
        return subprocess.run([*self.terminal, "has-session"], stderr=subprocess.DEVNULL).returncode == 0

    def close_others(self):
        """Closes the lists and logs that stand before the room."""
        for _ in range(2):
            subprocess.run([*self.terminal, "send-keys", "M-c"])
            time.sleep(1)

    def screen(self):
        return subprocess.run([*self.terminal, "capture-pane", "-p"], capture_output=True, text=True).stdout

    def trace(self):
        return self.trace_file.read_text(errors="replace") if self.trace_file.exists() else ""

    def ask(self, function, *arguments):
        """Calls a function of libpurple, and returns the numbers and texts that come back."""
        bus = self.bus_file.read_text().strip()
        to = ["--dest=im.pidgin.purple.PurpleService", "/im/pidgin/purple/PurpleObject"]
        command = ["dbus-send", f"--bus={bus}", "--print-reply", *to, f"im.pidgin.purple.PurpleInterface.{function}"]
        answer = subprocess.run([*command, *arguments], capture_output=True, text=True).stdout
        return re.findall(r'(?:int32|string) "?(.*?)"?$', answer, re.MULTILINE)

    def number(self, function, *arguments):
        return next((int(word) for word in self.ask(function, *arguments)), 0)

    async def signed_in(self, times, patience):
        """Waits until it has entered the pool that often, and notes how its connection is called."""
        await self.until(lambda: self.trace().count("connection to group chat server established") >= times, patience)
        self.account = self.number("PurpleAccountsGetAllActive")
        self.connection = self.number("PurpleAccountGetConnection", f"int32:{self.account}")

    def list_rooms(self):
        # The list cannot be handed over the bus, but finch has it.
        self.ask("PurpleRoomlistGetList", f"int32:{self.connection}")

    def join(self):
        self.ask("ServJoinChat", f"int32:{self.connection}", f'dict:string:string:uri,{ROOM_URI}')

    def room(self):
        """The window of the room that it is in; 0 if there is none."""
        return self.number("PurpleGetChats")

    def say(self, text):
        chat = self.number("PurpleConversationGetChatData", f"int32:{self.room()}")
        self.ask("PurpleConvChatSend", f"int32:{chat}", f"string:{text}")

    def heard(self):
        """What stands in the window of the room, the oldest first: who said it, and what."""
        return self.lines(self.room())

    def letters(self):
        """What stands in the window of whoever wrote to its user."""
        return [text for _, text in self.lines(self.number("PurpleGetIms"))]

    def lines(self, window):
        # Asked about what is not there, finch breaks down.
        numbers = self.ask("PurpleConversationGetMessageHistory", f"int32:{window}") if window else []
        told = lambda what, number: "\n".join(self.ask(f"PurpleConversationMessageGet{what}", f"int32:{number}"))
        return [(told("Sender", number), told("Message", number)) for number in reversed(numbers)]

    async def hears(self, who, text):
        await self.until(lambda: (who, text) in self.heard(), PATIENCE_S)

    async def until(self, condition, patience):
        deadline = asyncio.get_running_loop().time() + patience
        while not condition():
            if asyncio.get_running_loop().time() > deadline:
                raise Failure(f"finch does not come so far; its screen:\n{self.screen()}")
            await asyncio.sleep(0.3)


class SipServer(Server):
    """The server, with a listener for SIP that takes what pidgin-sipe can prove."""

    def __init__(self, folder):
        self.sip_port = free_port()
        super().__init__("perch", folder)
        self.environment |= {"PERCH_LISTEN__SIP_TLS": f"127.0.0.1:{self.sip_port}", "PERCH_SIP__DIGEST_MD5": "true"}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def passed(what):
    print(f"PASS {what}", flush=True)


async def come_back(server):
    person = Person(PEOPLE[1], server, server.folder / "ca.pem")
    await person.sign_in()
    await person.join(0)
    return person


async def check(finch, server):
    romeo, juliet = PEOPLE
    other = Person(juliet, server, server.folder / "ca.pem")
    await other.sign_in()
    await make_room(other)
    other.send_message(ROOM, "said before", mtype="groupchat")
    await other.wait_for("said before")

    finch.start()
    await finch.signed_in(1, PATIENCE_S)
    trace = finch.trace()
    for sign in ["msg->response(407)", "persistentChatPool_uri=GC-1-PersistentChatService-1@localhost"]:
        if sign not in trace:
            raise Failure(f"no {sign} in the trace of finch")
    passed("finch signs in over TLS by Digest with MD5, and finds the pool by provisioning")

    finch.list_rooms()
    await finch.until(lambda: f"group chat channel 'kitchen': '' ({ROOM_URI}) with 1 users" in finch.trace(), PATIENCE_S)
    passed("it lists the rooms")

    finch.join()
    await finch.until(lambda: finch.room() != 0, PATIENCE_S)
    passed("it enters one")
    occupant = f"sip:kitchen@rooms.localhost;gr={juliet}"
    await finch.hears(occupant, "said before")
    passed("it shows what was said before")

    finch.say("from finch &amp; co")
    await other.wait_for("from finch & co")
    await finch.hears(romeo, "from finch &amp; co")
    passed("what it says is heard by the client of XMPP, and comes back")
    for text in ["one", "two", "three"]:
        other.send_message(ROOM, text, mtype="groupchat")
    for text in ["one", "two", "three"]:
        await finch.hears(occupant, text)
    passed("it hears what that one says, each word of it")
    other.send_message(f"{romeo}@localhost", "for you alone", mtype="chat")
    await finch.until(lambda: "for you alone" in finch.letters(), PATIENCE_S)
    passed("it shows a letter to its user")

    other.abort()
    server.stop()
    server.start()
    other = await come_back(server)
    await finch.signed_in(2, RECONNECTION_S)
    # It enters the room of its own accord, and asks for the past again.
    await finch.until(lambda: finch.heard().count((occupant, "said before")) == 2, PATIENCE_S)
    finch.say("finch again")
    await other.wait_for("finch again")
    other.send_message(ROOM, "both again", mtype="groupchat")
    await finch.hears(occupant, "both again")
    passed("the server was stopped and started, and both go on")
    other.abort()


def main():
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        server = SipServer(folder / "server")
        finch = Finch(folder, server, PEOPLE[0])
        try:
            server.start()
            accounts = "".join(f"{name},{password_of(name)}\n" for name in PEOPLE)
            server.command("accounts", input=accounts, text=True)
            asyncio.run(check(finch, server))
            if "--show" in sys.argv:
                finch.close_others()
                print(finch.screen())
        except (Failure, XMPPError, asyncio.TimeoutError, subprocess.CalledProcessError) as problem:
            print((server.folder / "server.log").read_text()[-3000:], file=sys.stderr)
            print(finch.trace()[-3000:], file=sys.stderr)
            sys.exit(f"pidgin-sipe: FAILED: {problem!r}")
        finally:
            finch.stop()
            if server.process:
                server.kill()


if __name__ == "__main__":
    main()
