"""Prints what a stopped perch's database holds of each room's conversation: perch_archive.py DATABASE.

One JSON object a line, `{"room": …, "items": [{"id": …, "stanza_id": …, "seq": …, "stamp_ms": …}, …]}`, in the items of the
history checker. It reads the tables, not the server's own words, so that the two can be compared.
"""

import json
import sqlite3
import sys

# `ordinal` counts the conversation alone, so it is dense; `seq` counts comings and goings too.
ROWS = """
    SELECT room.name, event.stanza_id, event.epoch, event.seq, event.ordinal, event.at
    FROM room_event AS event JOIN room ON room.id = event.room
    WHERE event.class = 0 AND event.text IS NOT NULL
    ORDER BY room.id, event.seq
"""


def main():
    rooms = {}
    with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True) as database:
        for room, own_id, epoch, seq, ordinal, at in database.execute(ROWS):
            item = {"id": own_id or "", "stanza_id": f"{epoch << 48 | seq:016x}", "seq": ordinal, "stamp_ms": at}
            rooms.setdefault(room, []).append(item)
    for room, items in rooms.items():
        print(json.dumps({"room": room, "items": items}))


if __name__ == "__main__":
    main()
