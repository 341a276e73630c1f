"""Two people talk, the server is killed without warning, and nothing of what they said is gone.

Both sign in over TLS that is verified against the development authority and nothing else, make a room, talk both ways and
to each other; the server gets SIGKILL and is started again on the same data; both come back. What they find in the
room's history at joining, in the room's archive and in their own must be what they saw before.
"""

import asyncio
import logging
import os
import pathlib
import random
import socket
import ssl
import subprocess
import sys
import tempfile

import slixmpp
from slixmpp.exceptions import XMPPError

HERE = pathlib.Path(__file__).resolve().parent
SERVER = HERE.parent / "support" / "server"
ROOM = "kitchen@rooms.localhost"
PEOPLE = ("romeo", "juliet")
ROUNDS = 10
PATIENCE_S = 30


class Failure(Exception):
    """What was not as it must be."""


class Person(slixmpp.ClientXMPP):
    """One signed-in user, who notes the bodies that the room sends live."""

    def __init__(self, name, server, authority):
        context = ssl.create_default_context(cafile=authority)
        super().__init__(f"{name}@localhost", password_of(name), ssl_context=context)
        self.name = name
        # One comes by STARTTLS, the other by TLS from the first byte.
        self.enable_direct_tls = name != PEOPLE[0]
        self.enable_starttls = not self.enable_direct_tls
        self.port = server.tls_port if self.enable_direct_tls else server.port
        self.heard = []
        self.news = asyncio.Condition()
        for plugin in ("xep_0045", "xep_0313"):
            self.register_plugin(plugin)
        self.add_event_handler("groupchat_message", self.hear)
        self.add_event_handler("message", self.hear_directly)

    async def sign_in(self):
        self.connect("127.0.0.1", self.port)
        signed_in = asyncio.ensure_future(self.wait_until("session_start", PATIENCE_S))
        refused = asyncio.ensure_future(self.wait_until("connection_failed", PATIENCE_S))
        done, waiting = await asyncio.wait({signed_in, refused}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if signed_in not in done:
            raise Failure(f"{self.name} could not sign in: {refused.result()}")
        self.send_presence()

    async def hear(self, message):
        await self.note(message["body"])

    async def hear_directly(self, message):
        if message["type"] != "groupchat":
            await self.note(message["body"])

    async def note(self, body):
        async with self.news:
            self.heard.append(body)
            self.news.notify_all()

    async def wait_for(self, body):
        async with self.news:
            await asyncio.wait_for(self.news.wait_for(lambda: body in self.heard), PATIENCE_S)

    async def join(self, history):
        """Enters the room and returns the bodies of the history that it sends."""
        _, _, _, messages = await self.plugin["xep_0045"].join_muc_wait(ROOM, self.name, maxstanzas=history, timeout=PATIENCE_S)
        return [message["body"] for message in messages]

    async def archive(self, owner=None):
        """Every body of an archive, with its id, read in small pages: a room's, or without `owner` one's own."""
        found = []
        async for item in self.plugin["xep_0313"].iterate(jid=slixmpp.JID(owner) if owner else None, rsm={"max": 4}):
            message = item["mam_result"]["forwarded"]["stanza"]
            if message["body"]:
                found.append((item["mam_result"]["id"], message["body"]))
        return found


class Server:
    """The server under test in a folder of its own."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        self.port, self.tls_port = free_port(), free_port()
        self.environment = os.environ | {"XMPP_PORT": str(self.port), "XMPP_TLS_PORT": str(self.tls_port)}
        self.process = None
        self.command("prepare")

    def command(self, action, **options):
        subprocess.run([SERVER, self.kind, action, self.folder], env=self.environment, check=True, **options)

    def start(self):
        log = open(self.folder / "server.log", "ab")
        arguments = [SERVER, self.kind, "run", self.folder]
        self.process = subprocess.Popen(arguments, env=self.environment, stdout=log, stderr=log)
        wait = [HERE.parent / "support" / "wait-port", str(self.port), str(self.process.pid)]
        subprocess.run(wait, check=True)

    def kill(self):
        self.process.kill()
        self.process.wait()


def free_port():
    """Not one that the system would choose: while the server is dead, it might give it to somebody else's connection."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def password_of(name):
    return f"secret of {name}"


def expect(what, found, wanted):
    if found != wanted:
        raise Failure(f"{what}:\n  found  {found}\n  wanted {wanted}")


async def refuse_a_stranger(server):
    """A client that trusts another authority must not get in: otherwise the tests below verify nothing."""
    try:
        await asyncio.wait_for(Person(PEOPLE[1], server, None).sign_in(), PATIENCE_S)
    except (Failure, ssl.SSLError, asyncio.TimeoutError):
        return
    raise Failure("a client that does not trust the authority was signed in")


async def sign_in_both(server):
    people = [Person(name, server, server.folder / "ca.pem") for name in PEOPLE]
    await asyncio.gather(*(person.sign_in() for person in people))
    return people


async def make_room(owner):
    await owner.join(0)
    form = await owner.plugin["xep_0045"].get_room_config(ROOM)
    form["values"] = form.get_values() | {"muc#roomconfig_persistentroom": True}
    form.reply()
    await owner.plugin["xep_0045"].set_room_config(ROOM, form)


async def talk(people):
    """Both speak in turn, each waiting for the other's words; returns what was said in the room and directly."""
    in_room, directly = [], []
    for turn in range(ROUNDS):
        speaker, listener = people[turn % 2], people[(turn + 1) % 2]
        body = f"{speaker.name} says {turn} & <more>"
        speaker.send_message(ROOM, body, mtype="groupchat")
        await asyncio.gather(*(person.wait_for(body) for person in people))
        in_room.append(body)
        body = f"{speaker.name} whispers {turn}"
        speaker.send_message(listener.boundjid.bare, body, mtype="chat")
        await listener.wait_for(body)
        directly.append(body)
    return in_room, directly


async def archives(people):
    room = [await person.archive(ROOM) for person in people]
    expect("the room's archive as the other reads it", room[1], room[0])
    return [room[0]] + [await person.archive() for person in people]


async def check(kind, folder):
    server = Server(kind, folder)
    server.start()
    accounts = "".join(f"{name},{password_of(name)}\n" for name in PEOPLE)
    server.command("accounts", input=accounts, text=True)
    await refuse_a_stranger(server)

    people = await sign_in_both(server)
    await make_room(people[0])
    await people[1].join(0)
    in_room, directly = await talk(people)
    before = await archives(people)
    expect("the room's archive", [body for _, body in before[0]], in_room)
    for person, own in zip(people, before[1:]):
        expect(f"{person.name}'s archive", [body for _, body in own], directly)

    server.kill()
    for person in people:
        person.abort()
    server.start()

    people = await sign_in_both(server)
    for person in people:
        history = await person.join(ROUNDS)
        expect(f"the history that {person.name} gets at joining", [body for body in history if body], in_room)
    expect("the archives, ids and all", await archives(people), before)
    farewell = "still here"
    people[1].send_message(ROOM, farewell, mtype="groupchat")
    await asyncio.gather(*(person.wait_for(farewell) for person in people))
    for person in people:
        person.abort()
    server.kill()
    return len(in_room), len(directly)


def main():
    logging.disable(logging.CRITICAL)
    kind = sys.argv[1] if len(sys.argv) > 1 else "perch"
    with tempfile.TemporaryDirectory() as folder:
        try:
            in_room, directly = asyncio.run(check(kind, pathlib.Path(folder)))
        except (Failure, XMPPError, asyncio.TimeoutError, subprocess.CalledProcessError) as problem:
            print((pathlib.Path(folder) / "server.log").read_text()[-3000:], file=sys.stderr)
            sys.exit(f"persistence: FAILED: {problem!r}")
    print(f"persistence: {in_room} room messages and {directly} direct ones whole after kill -9: history, archives, ids")


if __name__ == "__main__":
    main()
