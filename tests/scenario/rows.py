"""Rows of a database file, changed so that the file itself is as good as ever.

Reads LMDB's pages (data version 1, 64 bits) and the records in them
(protocols/record.h); changes are of the same length.
"""

import struct

PAGE = 4096
PAGE_HEAD = 16
LEAF = 0x02
BIG = 0x01
SUM = 4


def table():
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        yield n


TABLE = tuple(table())


def crc32c(content):
    crc = 0xFFFFFFFF
    for octet in content:
        crc = crc >> 8 ^ TABLE[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF


def values(content):
    """Where each value that lies in a leaf begins, and its size."""
    for page in range(0, len(content) - PAGE + 1, PAGE):
        flags, lower = struct.unpack_from("<HH", content, page + 10)
        if flags & 0xFF != LEAF or not PAGE_HEAD <= lower <= PAGE:
            continue
        for at in range(page + PAGE_HEAD, page + lower, 2):
            node = page + struct.unpack_from("<H", content, at)[0]
            low, high, kind, key = struct.unpack_from("<HHHH", content, node)
            if not kind & BIG:
                yield node + 8 + key, low | high << 16


def change(file, wanted, old, new, sums=True):
    """In the first record with all that is wanted; its sum is right then."""
    assert len(old) == len(new)
    content = bytearray(file.read_bytes())
    for at, size in values(content):
        row = content[at : at + size]
        if size <= SUM or not all(w in row for w in (old, *wanted)):
            continue
        if struct.unpack(">I", row[-SUM:])[0] != crc32c(row[:-SUM]):
            continue
        body = bytes(row[:-SUM]).replace(old, new, 1)
        sum_ = struct.pack(">I", crc32c(body)) if sums else bytes(row[-SUM:])
        content[at : at + size] = body + sum_
        file.write_bytes(content)
        return
    raise AssertionError(f"no row has {wanted} and {old}")
