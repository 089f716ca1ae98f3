// Rows of x for one warp of several that share k: 128 bytes of each row at a time, copied ahead into shared memory that
// the warp has for itself, and handed to mma from there.
#pragma once

#include "common/device.cuh"

template <int Rows, int Ahead>
class WarpRows {
public:
    static constexpr int kStepBytes = 128, kSlotBytes = Rows * kStepBytes, kBytes = Ahead * kSlotBytes;

    // x: rows of `bytes` bytes, `stride` bytes apart; memory: kBytes of this warp, 128-byte aligned.
    DEVICE WarpRows(const void* x, int64_t stride, int64_t rows, int64_t bytes, char* memory)
        : x_(static_cast<const char*>(x)),
          stride_(stride),
          bytes_(bytes),
          rows_(static_cast<int>(rows)),
          aligned_(((reinterpret_cast<uintptr_t>(x) | static_cast<uintptr_t>(stride)) & 15) == 0),
          memory_(memory) {}

    // Begins to copy 128 bytes from byte `at` on, zeros where rows end. Rows that are not there are left as they are: what
    // becomes of them is not stored. `there`: whether there is anything, the same for the warp.
    DEVICE void copy(int slot, int64_t at, bool there) const {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int i = 0; i < Rows / 4; ++i) {
            const int row = i * 4 + lane / 8, piece = lane % 8;
            if (!there || row >= rows_) continue;
            const int64_t left = bytes_ - at - piece * 16;
            const int count = left > 16 ? 16 : left < 0 ? 0 : static_cast<int>(left);
            const char* const from = x_ + row * stride_ + (count ? at + piece * 16 : 0);
            char* const to = memory_ + slot * kSlotBytes + place(row, piece);
            if (aligned_) {
                copy16(to, from, count);
            } else {
                *reinterpret_cast<uint4*>(to) = sixteen_by_bytes(reinterpret_cast<const int8_t*>(from), count);
            }
        }
        copies_begun();
    }

    // Until the oldest of Ahead copies is there, for all of the warp.
    DEVICE void wait() const {
        wait_for_copies<Ahead - 1>();
        __syncwarp();
    }

    // Of eight rows, the second operand of two products: 32 bytes each, from byte half * 64 of the slot on.
    DEVICE void operands(unsigned (&b)[4], int slot, int tile, int half) const {
        const int lane = threadIdx.x % 32, row = tile * 8 + lane % 8, piece = half * 4 + lane / 8;
        load_matrices(b, shared_address(memory_ + slot * kSlotBytes + place(row, piece)));
    }

private:
    // Pieces of 16 bytes lie where those of eight rows below each other fall into different banks.
    DEVICE static int place(int row, int piece) { return row * kStepBytes + ((piece ^ (row & 7)) << 4); }

    const char* x_;
    int64_t stride_, bytes_;
    int rows_;
    bool aligned_;
    char* memory_;
};
