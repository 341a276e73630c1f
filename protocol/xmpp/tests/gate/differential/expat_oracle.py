"""Reads documents and tells what expat reads from them.

Both ways each message is its length in four bytes, big end first, and then its bytes. An answer is "R" where expat
refuses the document, otherwise "A" and then fields that NULs separate: S, the number of attributes, namespace and
name of an element, then namespace, name and value of each attribute; E for its end; T and a text.
"""

import struct
import sys
from xml.parsers import expat

# No document can hold this character, so that expat need not refuse any namespace for its sake.
SEPARATOR = "\x01"


def split(name):
    namespace, separator, local = name.rpartition(SEPARATOR)
    return (namespace, local) if separator else ("", name)


def read(document):
    fields = []
    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    parser.buffer_text = True
    parser.ordered_attributes = True

    def start(name, attributes):
        fields.extend(("S", str(len(attributes) // 2), *split(name)))
        for position in range(0, len(attributes), 2):
            fields.extend((*split(attributes[position]), attributes[position + 1]))

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: fields.append("E")
    parser.CharacterDataHandler = lambda text: fields.extend(("T", text))
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError):
        # The latter two: an encoding that Python does not know.
        return b"R"
    return b"A" + "\0".join(fields).encode()


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(4):
        answer = read(source.read(struct.unpack(">I", head)[0]))
        sink.write(struct.pack(">I", len(answer)) + answer)
        sink.flush()


main()
