#!/usr/bin/env python3
"""Verifies a Gatehouse journal without Gatehouse: Python's standard library and docs/journal-format.md alone.

    verify_journal.py database   GATEHOUSE.DB     --key journal.pub.pem [--checkpoint KEPT]
    verify_journal.py inclusion  PROOF.json       --key journal.pub.pem
    verify_journal.py consistency PROOF.json KEPT --key journal.pub.pem

`database` reads every event and every stored hash, `inclusion` a proof of one
event (journal-proof.json of a release, or `gatehouse journal proof`), and
`consistency` a proof that the journal still begins with what a checkpoint that
was kept was signed for. It prints one line and exits with 0, or says what is
wrong and exits with 1.
"""

import argparse
import base64
import binascii
import hashlib
import json
import pathlib
import sqlite3
import sys

ORIGIN = "gatehouse-journal"


class Wrong(Exception):
    """What does not verify."""


# --- Ed25519 (RFC 8032, 5.1). Slow, and right: it signs nothing and guards no secret.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_multiply(n, a):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = point_add(result, a)
        a, n = point_add(a, a), n >> 1
    return result


def point_decode(text):
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or x == 0 and sign:
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(key, message, signature):
    a, r, s = point_decode(key), point_decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(key) != 32 or len(signature) != 64 or a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = point_multiply(s, BASE), point_add(r, point_multiply(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def read_key(path):
    """The 32 bytes of an Ed25519 public key in PEM."""
    lines = pathlib.Path(path).read_text().split("-----")
    der = base64.b64decode("".join(lines[2].split()), validate=True) if len(lines) == 5 and lines[1] == "BEGIN PUBLIC KEY" else b""
    if len(der) != 44 or der[:12] != bytes.fromhex("302a300506032b6570032100"):
        raise Wrong(f"{path} is not an Ed25519 public key")
    return der[12:]


# --- Checkpoints (C2SP signed-note and tlog-checkpoint).


def strict_base64(text):
    decoded = base64.b64decode(text, validate=True)
    if base64.b64encode(decoded).decode() != text:
        raise Wrong("base64 with bits that mean nothing")
    return decoded


def open_checkpoint(text, key):
    """(size, root) of a checkpoint whose signature verifies."""
    try:
        body, signatures = text[: text.rindex("\n\n") + 1], text[text.rindex("\n\n") + 2 :]
        origin, size, root = body.removesuffix("\n").split("\n")
        key_id = hashlib.sha256(f"{ORIGIN}\n".encode() + b"\x01" + key).digest()[:4]
        for line in signatures.removesuffix("\n").split("\n"):
            dash, name, encoded = line.split(" ")
            blob = strict_base64(encoded)
            if (dash, name, blob[:4]) == ("\u2014", ORIGIN, key_id) and ed25519_verify(key, body.encode(), blob[4:]):
                break
        else:
            raise Wrong("the checkpoint is not signed with this key")
        if origin != ORIGIN or str(int(size)) != size or int(size) < 0 or len(strict_base64(root)) != 32:
            raise Wrong("the checkpoint is malformed")
        return int(size), strict_base64(root)
    except (ValueError, binascii.Error) as e:
        raise Wrong("the checkpoint is malformed") from e


# --- The tree (RFC 6962, 2.1; proofs as RFC 9162, 2.1.3.2 and 2.1.4.2, check them).


def leaf_hash(event):
    return hashlib.sha256(b"\x00" + event).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The right edge of a growing tree."""

    def __init__(self):
        self.size, self.edge = 0, []  # edge: (level, hash), largest first

    def add(self, leaf):
        """Adds a leaf and gives the hashes of the subtrees that it completes, from itself up."""
        made, level = [leaf], 0
        while self.edge and self.edge[-1][0] == level:
            made.append(node_hash(self.edge.pop()[1], made[-1]))
            level += 1
        self.edge.append((level, made[-1]))
        self.size += 1
        return made

    def root(self):
        if not self.edge:
            return hashlib.sha256(b"").digest()
        root = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        return root


def check_inclusion(index, size, leaf, path, root):
    if not 0 <= index < size:
        raise Wrong("the event is not one of those that the checkpoint covers")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            raise Wrong("the proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn or r != root:
        raise Wrong("the event is not in the journal")


def check_consistency(first, second, path, first_root, second_root):
    if not 0 < first <= second:
        raise Wrong("the kept checkpoint covers more events than the journal has, or none")
    if first == second:
        if path or first_root != second_root:
            raise Wrong("two checkpoints of as many events differ")
        return
    if first & (first - 1) == 0:
        path = [first_root, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    if not path:
        raise Wrong("the proof is too short")
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            raise Wrong("the proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn or fr != first_root or sr != second_root:
        raise Wrong("the journal does not begin with what the kept checkpoint was signed for")


# --- What there is to verify.


def database(path, key, kept):
    kept_size, kept_root = (-1, b"") if kept is None else open_checkpoint(kept, key)
    db = sqlite3.connect(f"{pathlib.Path(path).resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    db.execute("BEGIN")  # one snapshot for everything
    checkpoints = db.execute("SELECT id, size, note FROM journal_checkpoint").fetchall()
    if len(checkpoints) > 1:
        raise Wrong("there are several checkpoints")
    size, root = 0, Tree().root()
    for number, stated, note in checkpoints:
        size, root = open_checkpoint(note, key)
        if (number, stated) != (1, size):
            raise Wrong("the checkpoint's row says other than what was signed")
    stored = db.execute("SELECT idx, hash FROM journal_hashes ORDER BY idx")
    tree, number = Tree(), 0
    for index, event in db.execute("SELECT idx, event FROM journal_events ORDER BY idx"):
        if tree.size == kept_size and tree.root() != kept_root:
            raise Wrong(f"the first {kept_size} events are not those of the kept checkpoint")
        if index != tree.size or not isinstance(event, bytes):
            raise Wrong(f"event {tree.size} is missing, or is not one")
        for made in tree.add(leaf_hash(event)):
            if stored.fetchone() != (number, made):
                raise Wrong(f"event {index}, or the hash {number}, was changed")
            number += 1
    if tree.size != size or tree.root() != root:
        raise Wrong(f"there are {tree.size} events, not the {size} that the checkpoint was signed for")
    if stored.fetchone() is not None:
        raise Wrong("there are more hashes than the events have")
    if kept_size > size or kept_size == size and kept_root != root:
        raise Wrong("the journal does not have the events of the kept checkpoint")
    return f"{size} events, root {base64.b64encode(root).decode()}"


def inclusion(proof, key):
    size, root = open_checkpoint(proof["checkpoint"], key)
    path = [strict_base64(h) for h in proof["proof"] or []]
    check_inclusion(proof["index"], size, leaf_hash(proof["event"].encode()), path, root)
    return f"event {proof['index']} of {size} is {proof['event']}"


def consistency(proof, kept, key):
    first, first_root = open_checkpoint(kept, key)
    second, second_root = open_checkpoint(proof["checkpoint"], key)
    if proof["from"] != first:
        raise Wrong("the proof is for another checkpoint")
    check_consistency(first, second, [strict_base64(h) for h in proof["proof"] or []], first_root, second_root)
    return f"the journal of {second} events begins with the {first} that were kept"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["database", "inclusion", "consistency"])
    parser.add_argument("file")
    parser.add_argument("kept", nargs="?")
    parser.add_argument("--key", required=True)
    parser.add_argument("--checkpoint")
    a = parser.parse_args()
    try:
        key = read_key(a.key)
        if a.what == "database":
            print(database(a.file, key, a.checkpoint and pathlib.Path(a.checkpoint).read_text()))
        elif a.what == "inclusion":
            print(inclusion(json.loads(pathlib.Path(a.file).read_text()), key))
        else:
            print(consistency(json.loads(pathlib.Path(a.file).read_text()), pathlib.Path(a.kept).read_text(), key))
    except (Wrong, sqlite3.Error, OSError, KeyError, TypeError, ValueError) as e:
        print(f"does not verify: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
