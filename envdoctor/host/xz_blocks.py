"""An xz file of many blocks that lies far away: its index says where each is, and only those that are read are fetched.

Debian's packages are compressed by several threads, a block each. Source: xz-file-format.txt 1.2.1.
"""

import bisect
import lzma
import struct
import zlib
from typing import Callable, List, NamedTuple, Tuple

_HEADER = _FOOTER = 12
#: (first byte, how many) -> bytes.
Read = Callable[[int, int], bytes]


class BrokenBlocks(Exception):
    """Not what xz writes; the text says why."""


class _Block(NamedTuple):
    begin: int  # in the file
    unpadded: int
    starts: int  # in what it decompresses to
    size: int


class Blocks:
    """What the file decompresses to, as far as `tarfile` wants it. Raises BrokenBlocks and what `read` raises."""

    def __init__(self, read: Read, begin: int, size: int) -> None:
        self._read = read
        self._header = read(begin, _HEADER)
        footer = read(begin + size - _FOOTER, _FOOTER)
        if self._header[:6] != b"\xfd7zXZ\0" or footer[-2:] != b"YZ":
            raise BrokenBlocks("it is no whole xz file")
        length = (int(struct.unpack("<I", footer[4:8])[0]) + 1) * 4
        self._blocks = _blocks(read(begin + size - _FOOTER - length, length), begin + _HEADER)
        self._starts = [block.starts for block in self._blocks]
        self._at = 0
        self._kept: Tuple[int, bytes] = (-1, b"")

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go there; from the beginning alone."""
        assert whence == 0
        self._at = offset
        return offset

    def read(self, size: int) -> bytes:
        """Up to so many bytes."""
        found = b""
        while size > len(found):
            number = bisect.bisect(self._starts, self._at) - 1
            piece = self._data(number)[self._at - self._starts[number] :][: size - len(found)]
            if not piece:
                break
            found += piece
            self._at += len(piece)
        return found

    def _data(self, number: int) -> bytes:
        if self._kept[0] != number:
            self._kept = (number, self._decompressed(self._blocks[number]))
        return self._kept[1]

    def _decompressed(self, block: _Block) -> bytes:
        """The block as a file of its own, which is what the library reads."""
        data = self._read(block.begin, _padded(block.unpadded))
        index = b"\0\1" + _number(block.unpadded) + _number(block.size)
        index += bytes(-len(index) % 4)
        index += _checksum(index)
        footer = struct.pack("<I", len(index) // 4 - 1) + self._header[6:8]
        try:
            return lzma.decompress(self._header + data + index + _checksum(footer) + footer + b"YZ")
        except lzma.LZMAError as error:
            raise BrokenBlocks(f"a block of it is broken ({error})") from None


def _blocks(index: bytes, begin: int) -> List[_Block]:
    if index[-4:] != _checksum(index[:-4]):
        raise BrokenBlocks("its index is broken")
    count, at = _numbered(index, 1)
    found: List[_Block] = []
    starts = 0
    for _ in range(count):
        unpadded, at = _numbered(index, at)
        size, at = _numbered(index, at)
        found.append(_Block(begin, unpadded, starts, size))
        begin, starts = begin + _padded(unpadded), starts + size
    return found


def _padded(size: int) -> int:
    return size + -size % 4


def _checksum(data: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(data))


def _numbered(data: bytes, at: int) -> Tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def _number(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])
