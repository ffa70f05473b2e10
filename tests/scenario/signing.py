"""Manifests signed as Troupe signs them, with its own key: a true backup's."""

import datetime
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)

FOR_SIGNING = 2  # as actors/backup_keys.c derives it


def key_of(client):
    """Its id, and the key itself; the only one there is."""
    [file] = (client.server.data / "backup.keys").glob("*.key")
    seed = hashlib.blake2b(
        digest_size=32, key=bytes.fromhex(file.read_text().strip()),
        salt=FOR_SIGNING.to_bytes(8, "little").ljust(16, b"\0"),
        person=b"trpbckup".ljust(16, b"\0")).digest()
    return file.stem, Ed25519PrivateKey.from_private_bytes(seed)


def plain(stamp):
    """As Troupe writes an instant, wherever it was read."""
    at = datetime.datetime.fromisoformat(stamp).astimezone(datetime.UTC)
    return at.isoformat(timespec="microseconds")


def resign(client, entry, **changes):
    """Another manifest in a backup that is a folder, as if we had made it."""
    file = entry / "manifest.json"
    m = json.loads(file.read_text()) | changes
    m["signed_by"], key = key_of(client)
    signed = m | {"timestamp": plain(m["timestamp"]), "signature": None}
    text = json.dumps(signed, separators=(",", ":"))
    m["signature"] = key.sign(text.encode()).hex()
    file.write_text(json.dumps(m))
    return m
