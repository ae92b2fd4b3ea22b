"""Keeping identities in the raw files: what has to be distinguished leaves only as a hash."""

import hashlib


def hashed(identifier: str, salt: str) -> str:
    """SHA-256 of an identifier with a salt, its first 16 hexadecimal digits.

    Two equal identifiers give the same text, so that files can be distinguished and matched; with a secret
    salt nobody else can test a guess against it.
    """
    return hashlib.sha256(f"{salt}\n{identifier}".encode()).hexdigest()[:16]
