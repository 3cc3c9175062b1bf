"""Vietnamese text helpers shared by every floor."""

from __future__ import annotations

import unicodedata


def nfc(text: str) -> str:
    """Unicode NFC: the one form in which Vietnamese text is compared."""
    return unicodedata.normalize("NFC", text)


def unaccented(text: str) -> str:
    """Text without Vietnamese marks (đ → d), for search keys and leak checks; case is kept."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(ch for ch in decomposed if not unicodedata.combining(ch))
