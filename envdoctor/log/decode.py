"""Bytes of a log as text: UTF-8, UTF-16 with or without a mark, a Chinese or Japanese code page, or broken."""

import codecs
import re
from typing import BinaryIO, Iterator, Optional, Pattern

CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


SAMPLE = 1 << 16
_STRANGE = re.compile(r"[\x01-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]")
# Japanese has kana between its ideographs; Chinese has ideographs and full-width forms.
_EASTERN = {
    "cp932": re.compile(r"[\u3001-\u30ff]"),
    "gb18030": re.compile(r"[\u3001-\u3011\u4e00-\u9fff\uff00-\uff5e]"),
}


def chunks(stream: BinaryIO) -> Iterator[str]:
    """The text in pieces; what cannot be decoded becomes U+FFFD. Raises OSError, and ValueError for what is no text."""
    data = stream.read(CHUNK)
    if not _is_text(data[:SAMPLE].decode(encoding_of(data), errors="replace")):
        raise ValueError("not a text")
    decoder = codecs.getincrementaldecoder(encoding_of(data))(errors="replace")
    while data:
        yield decoder.decode(data)
        data = stream.read(CHUNK)
    yield decoder.decode(b"", final=True)


def encoding_of(sample: bytes) -> str:
    """By its mark, by where its zeros are, else by what decodes without a mistake."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    head = sample[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if (
        max(even, odd) > len(head) // 8 and min(even, odd) < len(head) // 20
    ):  # else what a crash leaves: zeros alone
        return "utf-16-le" if odd > even else "utf-16-be"
    # A character may be cut at the end of the sample.
    decoded = {name: _decoded(sample, name) for name in ("utf-8", *_EASTERN)}
    if decoded["utf-8"] is not None:
        return "utf-8"
    return next((name for name, its in _EASTERN.items() if _is_mostly(its, decoded[name])), "utf-8")


def _is_text(sample: str) -> bool:
    """Whether few characters are none that a log has: a program or an archive is not to be searched."""
    strange = len(_STRANGE.findall(sample.replace("\0", "")))
    return strange * 5 <= len(sample.replace("\0", ""))


def _decoded(sample: bytes, name: str) -> Optional[str]:
    try:
        return codecs.getincrementaldecoder(name)().decode(sample)
    except UnicodeDecodeError:
        return None


def _is_mostly(letters: Pattern[str], text: Optional[str]) -> bool:
    """Whether what is not ASCII makes sense: other bytes seldom do."""
    strange = re.sub(r"[\x00-\x7f]+", "", text or "")
    return len(letters.findall(strange)) * 2 > len(strange)
