// Rows of x for one warp of several that share k: 128 bytes of each row at a time, copied ahead into shared memory that
// the warp has for itself, and handed to mma from there.
#pragma once

#include "common/device.cuh"

namespace warp_rows {

// A row's piece of 16 bytes, of which `left` are there, for rows 0, 4, 8 ... under `rows`; zeros for what is not. Of every
// second row the piece lies `flip` bytes further.
__device__ __noinline__ inline void copy_by_bytes(
    unsigned to, int flip, const char* from, int64_t four_rows, int rows, int left) {
#pragma unroll 1
    for (int row = 0; row < rows; row += 4, from += four_rows, to += 512) {
        const uint4 piece = sixteen_by_bytes(reinterpret_cast<const int8_t*>(from), left);
        store_shared(to + (row & 4 ? flip : 0), piece);
    }
}

}  // namespace warp_rows

// Of the steps of 128 bytes along k each of `Warps` warps has every so-manieth.
template <int Rows, int Slots, int Warps>
class WarpRows {
public:
    static constexpr int kStepBytes = 128, kSlotBytes = Rows * kStepBytes, kBytes = Slots * kSlotBytes;

    // x: rows of `bytes` (less than 2^31) bytes, `stride` bytes apart; memory: kBytes of this warp, 128-byte aligned.
    DEVICE WarpRows(const void* x, int64_t stride, int64_t rows, int64_t bytes, int warp, const char* memory) {
        const int lane = threadIdx.x % 32, row = lane / 8, piece = lane % 8;
        const bool aligned = ((reinterpret_cast<uintptr_t>(x) | static_cast<uintptr_t>(stride)) & 15) == 0;
        from_ = static_cast<const char*>(x) + row * stride + warp * kStepBytes + piece * 16;
        four_rows_ = 4 * stride;
        rows_ = static_cast<int>(rows) - row;
        left_ = static_cast<int>(bytes) - warp * kStepBytes;
        whole_ = aligned ? static_cast<int>(bytes) / kStepBytes * kStepBytes - warp * kStepBytes : 0;
        flip_ = piece & 4 ? -64 : 64;
        to_ = shared_address(memory) + swizzled_128(row, piece);
        read_ = shared_address(memory) + swizzled_128(lane % 8, row);
        // Or the compiler makes them anew for each copy.
        asm volatile("" : "+l"(from_), "+r"(to_), "+r"(read_), "+r"(whole_));
    }

    // Begins to copy the step that is so many of this warp's ahead, if there is one, zeros where rows end. Rows that are not
    // there are left as they are: what becomes of them is not stored.
    DEVICE void copy(int slot, int steps) const {
        const unsigned to = to_ + slot * kSlotBytes;
        const char* const from = from_ + steps * kEvery;
        if (whole_ > steps * kEvery) {
#pragma unroll
            for (int i = 0; i < Rows / 4; ++i) {
                copy16_if(i * 4 < rows_, to + i * 512 + (i % 2 ? flip_ : 0), from + i * four_rows_);
            }
        } else if (left_ > steps * kEvery) {
            const int left = left_ - steps * kEvery - static_cast<int>(threadIdx.x) % 8 * 16;
            warp_rows::copy_by_bytes(to, flip_, from, four_rows_, rows_ < Rows ? rows_ : Rows, left);
        }
        copies_begun();
    }

    // So many steps are done.
    DEVICE void advance(int steps) { from_ += steps * kEvery, left_ -= steps * kEvery, whole_ -= steps * kEvery; }

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
    static constexpr int kEvery = Warps * kStepBytes;

    const char* from_;  // this thread's piece of the warp's next step, of rows lane / 8, lane / 8 + 4 ...
    int64_t four_rows_;
    int rows_, left_, whole_;  // from that row and that step on: rows, bytes, and bytes of whole aligned steps
    int flip_;                 // four rows on, pieces change places with those four further
    unsigned to_, read_;       // of the first slot: where that piece goes, and where ldmatrix finds this thread's row
};
