"""Bytes of a log as text: UTF-8, UTF-16 with or without a mark, a Chinese or Japanese code page, or broken."""

import codecs
import re
from typing import BinaryIO, Iterator

CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


# Punctuation, kana, ideographs, full-width forms.
_EASTERN = re.compile(r"[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")


def chunks(stream: BinaryIO) -> Iterator[str]:
    """The text in pieces; what cannot be decoded becomes U+FFFD. Raises OSError."""
    data = stream.read(CHUNK)
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
    if head.count(0) > len(head) // 4:
        return "utf-16-le" if head[1::2].count(0) >= head[0::2].count(0) else "utf-16-be"
    for name in ("utf-8", "gb18030", "cp932"):
        try:
            # A character may be cut at the end of the sample.
            text = codecs.getincrementaldecoder(name)().decode(sample)
        except UnicodeDecodeError:
            continue
        if name == "utf-8" or _is_eastern(text):
            return name
    return "utf-8"


def _is_eastern(text: str) -> bool:
    """Whether what is not ASCII is mostly Chinese or Japanese: other bytes seldom make sense as that."""
    strange = re.sub(r"[\x00-\x7f]+", "", text)
    return len(_EASTERN.findall(strange)) * 10 > len(strange) * 8
