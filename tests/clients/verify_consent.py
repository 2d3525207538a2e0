#!/usr/bin/env python3
"""What a bank's backend would write to check signed consent, from docs/signed-consent.md alone.

Usage: verify_consent.py FOLDER   checks itself on the vectors in this folder (tests/vectors)
Needs the packages `rfc8785` and `cryptography`.
"""

import base64
import hashlib
import json
import sys

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

CLAIM = "urn:authenticator-core:consent"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    """Strict: no padding, no other alphabet, no stray bits."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64(data) != text:
        raise ValueError("no base64url")
    return data


def digest(document):
    """SHA-256 over RFC 8785 text, base64url without padding."""
    return b64(hashlib.sha256(rfc8785.dumps(document)).digest())


def source(server, enrollment, user, challenge, requested_at, body=None, s=None, l=None):
    """The digest over what was sent. `body` is the consent body as it went out, as text; `s` and `l` as pushed."""
    origin = {name: json.loads(text) for name, text in (("s", s), ("l", l)) if text is not None}
    document = {
        "typ": "source", "v": 1, "server": server, "enrollment": enrollment, "user": user,
        "challenge": challenge, "requested_at": requested_at,
    }
    if origin:
        document["origin"] = origin
    if body is None:
        document["details"] = "none"
    else:
        document["consent"] = json.loads(body)
    return digest(document)


def verify_jwt(token, jwk):
    """Claims of a compact JWS signed with this key (RS256 or ES256); raises when the signature is wrong."""
    signed, _, signature = token.rpartition(".")
    header, payload = (json.loads(unb64(part)) for part in signed.split("."))
    signature = unb64(signature)
    number = lambda name: int.from_bytes(unb64(jwk[name]), "big")
    if jwk["kty"] == "RSA" and header["alg"] == "RS256":
        key = rsa.RSAPublicNumbers(number("e"), number("n")).public_key()
        key.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    elif jwk["kty"] == "EC" and header["alg"] == "ES256":
        verify_es256(jwk, signed.encode(), signature)
    else:
        raise InvalidSignature("the algorithm is not the key's")
    return payload


def verify_es256(jwk, message, signature):
    """ECDSA on P-256 with SHA-256, the signature as `r` and `s` of 32 octets each (RFC 7518, section 3.4)."""
    if len(signature) != 64:
        raise InvalidSignature("a signature has 64 octets")
    x, y = (unb64(jwk[name]) for name in "xy")
    if len(x) != 32 or len(y) != 32:
        raise ValueError("a coordinate has 32 octets")
    x, y, r, s = (int.from_bytes(octets, "big") for octets in (x, y, signature[:32], signature[32:]))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


def thumbprint(jwk):
    """RFC 7638."""
    return digest({name: jwk[name] for name in ("crv", "kty", "x", "y")})


def person_verified(claim, pinned=None):
    """Whether an approval key signed what was shown: the answer, and the thumbprint of the key.

    "yes": the pinned key did, or nothing is pinned yet and this one is to be; "changed_key": another key did; "no": there is
    no such signature; "invalid": there is one that does not hold.
    """
    if not isinstance(claim, dict) or (claim.get("uv_key") is None and claim.get("uv_sig") is None):
        return "no", None
    try:
        key = claim["uv_key"]
        if claim["v"] != 1 or claim["reviewed"] is not True or "d" in key:
            return "invalid", None
        if (key["kty"], key["crv"], key.get("alg", "ES256"), key.get("use", "sig")) != ("EC", "P-256", "ES256", "sig"):
            return "invalid", None
        verify_es256(key, claim["shown"].encode("ascii"), unb64(claim["uv_sig"]))
    except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError):
        return "invalid", None
    key = thumbprint(key)
    return ("yes" if pinned in (None, key) else "changed_key"), key


def decided_on(claims, expected):
    """What the claim says about what was sent: "yes", "no", "not reviewed" or "not claimed"."""
    claim = claims.get(CLAIM)
    if not isinstance(claim, dict):
        return "not claimed"
    if claim.get("v") != 1:
        return "cannot be checked"
    if claim.get("reviewed") is not True:
        return "not reviewed"
    return "yes" if claim.get("source") == expected else "no"


def run(path):
    """Every case of the vectors; the facts that are the same in all of them stand in the file's `about`."""
    fixed = {
        "server": "https://bank-dev.eu.auth0.com/appliance-mfa", "enrollment": "dev_ztQmUOx5Z3zeRi8t",
        "user": "auth0|ana", "challenge": "f3Zl", "requested_at": "2026-01-15T10:30:00.000Z",
    }
    failed = 0
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    for case in cases:
        sent, expected = case["input"], case["expected"]
        got = source(**fixed, body=sent.get("body"), s=sent.get("source"), l=sent.get("location"))
        shown = digest(expected["shown_object"])
        tampered = source(**{**fixed, "challenge": "f3Zm"}, body=sent.get("body"), s=sent.get("source"), l=sent.get("location"))
        claims = {CLAIM: {"v": 1, "reviewed": True, "source": expected["source"], "shown": expected["shown"]}}
        good = (
            got == expected["source"]
            and shown == expected["shown"]
            and expected["shown_object"]["source"] == got
            and decided_on(claims, got) == "yes"
            and decided_on(claims, tampered) == "no"
        )
        failed += not good
        print(f"{'ok    ' if good else 'FAILED'} {case['name']}")
    return len(cases) - failed, failed


def run_signatures(path):
    """Tokens of jws.json: those that hold, and those whose signature, claims or key are wrong."""
    wrong = ["another key", "an EC key", "other claims", "no signature", "alg none", "ES256 signature of zeros"]
    passed = failed = 0
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    for case in cases:
        name = case["name"].removeprefix("verify: ")
        if name == case["name"] or ("error" in case and name not in wrong):
            continue
        try:
            verify_jwt(case["input"]["token"], case["input"]["jwk"])
            good = "error" not in case
        except InvalidSignature:
            good = "error" in case
        passed, failed = passed + good, failed + (not good)
        print(f"{'ok    ' if good else 'FAILED'} {name}")
    return passed, failed


def run_persons(path):
    """Claims with and without the signature of an approval key."""
    passed = failed = 0
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    for case in cases:
        sent, expected = case["input"], case["expected"]
        good = person_verified(sent["claim"], sent.get("pinned")) == (expected["verified"], expected.get("key"))
        passed, failed = passed + good, failed + (not good)
        print(f"{'ok    ' if good else 'FAILED'} {case['name']}")
    return passed, failed


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    results = [
        run(f"{folder}/consent_digest.json"),
        run_signatures(f"{folder}/jws.json"),
        run_persons(f"{folder}/user_verification.json"),
    ]
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not all(p for p, _ in results) else 0)
