"""Checks Frontrow passes in a shop. Python itself has no Ed25519: this needs `cryptography`.

    python3 shop_pass.py JWKS-URL SHOW < passes

It answers each line with the visitor, or with "refused" and why.
"""
import base64
import json
import re
import sys
import time
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def fetch_keys(url):
    """Reads the public keys by their id. Keep them for some minutes, and fetch them
    again for an id that is not among them."""
    with urllib.request.urlopen(url, timeout=5) as response:
        keys = json.load(response)["keys"]
    return {k["kid"]: Ed25519PublicKey.from_public_bytes(decode(k["x"])) for k in keys if k["kty"] == "OKP" and k["crv"] == "Ed25519"}


def check(keys, show, text, now=None):
    """Returns the claims of a pass that is genuine, for this show, and in its time."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", text):
        raise ValueError("not a pass")
    header, claims, signature = text.split(".")
    head = json.loads(decode(header))
    if head.get("alg") != "EdDSA":
        raise ValueError("not signed with EdDSA")
    try:
        keys[head.get("kid")].verify(decode(signature), f"{header}.{claims}".encode())
    except (KeyError, InvalidSignature):
        raise ValueError("not signed by Frontrow") from None
    said = json.loads(decode(claims))
    if said.get("aud") not in (show, [show]):
        raise ValueError("for another show")
    if (time.time() if now is None else now) >= said["exp"]:
        raise ValueError("expired")
    return said


if __name__ == "__main__":
    known = fetch_keys(sys.argv[1])
    for line in sys.stdin:
        try:
            print(check(known, sys.argv[2], line.strip())["sub"])
        except ValueError as error:
            print("refused:", error)
