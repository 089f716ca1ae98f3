// Rows of x for one warp of several that share k: 128 bytes of each row at a time, copied ahead into shared memory that
// the warp has for itself, and handed to mma from there.
#pragma once

#include "common/device.cuh"

namespace warp_rows {

// A row's piece of 16 bytes, of which `left` are there, for rows 0, 4, 8 ... under `rows`; zeros for what is not. Every
// second row goes after `flipped`.
__device__ __noinline__ inline void copy_by_bytes(
    unsigned to, unsigned flipped, const char* from, int64_t four_rows, int rows, int left) {
#pragma unroll 1
    for (int row = 0; row < rows; row += 4, from += four_rows) {
        const uint4 piece = sixteen_by_bytes(reinterpret_cast<const int8_t*>(from), left);
        store_shared((row & 4 ? flipped : to) + row * 128, piece);
    }
}

}  // namespace warp_rows

// Of blocks along k, those of one warp: a run of them.
struct WarpShare {
    int first, count;
    DEVICE explicit WarpShare(int blocks) {
        const int warp = threadIdx.x / 32, warps = blockDim.x / 32;
        first = blocks * warp / warps;
        count = blocks * (warp + 1) / warps - first;
    }
};

// In steps of 128 bytes.
template <int Rows, int Slots>
class WarpRows {
public:
    static constexpr int kStepBytes = 128, kSlotBytes = Rows * kStepBytes, kBytes = Slots * kSlotBytes;

    // x: rows of `bytes` (less than 2^31) bytes, `stride` bytes apart; share: in steps; memory: kBytes of this warp, 128-byte
    // aligned.
    DEVICE WarpRows(const void* x, int64_t stride, int64_t rows, int64_t bytes, const WarpShare& share, const char* memory) {
        const int lane = threadIdx.x % 32, row = lane / 8, piece = lane % 8;
        const bool aligned = ((reinterpret_cast<uintptr_t>(x) | static_cast<uintptr_t>(stride)) & 15) == 0;
        const int begin = share.first * kStepBytes, own = share.count * kStepBytes, left = static_cast<int>(bytes) - begin;
        from_ = static_cast<const char*>(x) + row * stride + begin + piece * 16;
        four_rows_ = 4 * stride;
        rows_ = static_cast<int>(rows) - row;
        left_ = left < own ? left : own;
        whole_ = aligned ? left_ / kStepBytes * kStepBytes : 0;
        to_ = shared_address(memory) + swizzled_128(row, piece);
        flipped_ = to_ + (piece & 4 ? -64 : 64);
        read_ = shared_address(memory) + swizzled_128(lane % 8, row);
        // Or the compiler makes them anew for each copy.
        asm volatile("" : "+l"(from_), "+l"(four_rows_), "+r"(rows_), "+r"(to_), "+r"(flipped_), "+r"(read_), "+r"(whole_));
    }

    // Begins to copy the step that is so many of this warp's ahead, if there is one, zeros where rows end. Rows that are not
    // there are left as they are: what becomes of them is not stored.
    DEVICE void copy(int slot, int steps) const {
        const unsigned to = to_ + slot * kSlotBytes, flipped = flipped_ + slot * kSlotBytes;
        const char* const from = from_ + steps * kStepBytes;
        if (whole_ > steps * kStepBytes) {
#pragma unroll
            for (int i = 0; i < Rows / 4; ++i) {
                copy16_if(i * 4 < rows_, (i % 2 ? flipped : to) + i * 512, from + i * four_rows_);
            }
        } else if (left_ > steps * kStepBytes) {
            const int left = left_ - steps * kStepBytes - static_cast<int>(threadIdx.x) % 8 * 16;
            warp_rows::copy_by_bytes(to, flipped, from, four_rows_, rows_ < Rows ? rows_ : Rows, left);
        }
        copies_begun();
    }

    // So many steps are done.
    DEVICE void advance(int steps) { from_ += steps * kStepBytes, left_ -= steps * kStepBytes, whole_ -= steps * kStepBytes; }

    // Until the oldest of as many copies as there are slots is there, for all of the warp.
    DEVICE void wait() const {
        wait_for_copies<Slots - 1>();
        __syncwarp();
    }

    // Of eight rows, the second operand of two products: 32 bytes each, from byte half * 64 of the slot on.
    DEVICE void operands(unsigned (&b)[4], int slot, int tile, int half) const {
        load_matrices(b, (read_ ^ (half * 64)) + slot * kSlotBytes + tile * 8 * kStepBytes);
    }

private:
    const char* from_;  // this thread's piece of the warp's next step, of rows lane / 8, lane / 8 + 4 ...
    int64_t four_rows_;
    int rows_, left_, whole_;  // from that row and that step on: rows, bytes, and bytes of whole aligned steps
    // Of the first slot: where that piece goes (four rows on, pieces change places with those four further), and where
    // ldmatrix finds this thread's row.
    unsigned to_, flipped_, read_;
};
