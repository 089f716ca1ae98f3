// Signed 4-bit weights, two in a byte.
#pragma once

#include "common/device.cuh"

// Four bytes of values from the low halves of `word`, without a zero point (in all four bytes, plus 8; 8 alone for none).
DEVICE unsigned int4_values(unsigned word, unsigned zero) {
    // 128 + value + 8 - zero never borrows from the next byte; the last step takes off 128.
    return (((word & 0x0f0f0f0fu) ^ 0x88888888u) - zero) ^ 0x80808080u;
}
