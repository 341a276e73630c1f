"""Copies a folder and asks every SQLite database in the copy whether it is whole: integrity.py FOLDER COPY."""

import pathlib
import shutil
import sqlite3
import sys

MAGIC = b"SQLite format 3\0"


def main():
    source, copy = map(pathlib.Path, sys.argv[1:])
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy, ignore=lambda _, names: [name for name in names if name.endswith(".sock")])
    for file in copy.rglob("*"):
        if not file.is_file() or not file.open("rb").read(len(MAGIC)) == MAGIC:
            continue
        with sqlite3.connect(file) as database:
            answer = [row[0] for row in database.execute("PRAGMA integrity_check")]
        if answer != ["ok"]:
            sys.exit(f"{file.name}: {answer}")


if __name__ == "__main__":
    main()
