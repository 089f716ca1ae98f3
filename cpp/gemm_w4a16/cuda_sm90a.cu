// gemm_w4a16 by wgmma, for Hopper.
#include "common/hopper_gemm.cuh"
#include "common/hopper_half.cuh"
#include "common/hopper_shapes.h"
#include "gemm_w4a16/gemm_w4a16.h"
#include "gemm_w4a16/widen.cuh"

// Codes become 16-bit integers in registers, without their zero points, and the sums of each block are scaled: for scales that
// are not of the type of x.
template <class Type, int Bits>
struct CodeGroups {
    using Sum = float;
    using Total = float;
    static constexpr bool kInRegisters = true, kGrouped = true, kScalesSums = true, kBeginsWithBits = false;
    static constexpr int kBlockBytes = kW4A16BlockN * kW4A16BlockK * Bits / 8;

    // Of a thread's two columns.
    struct Group {
        float scale[2];
        unsigned zero[2];

        // words: of the first column, in shared memory.
        DEVICE Group(const HopperGemm& call, unsigned words, unsigned) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const unsigned word = static_cast<unsigned>(hopper::shared_int(words + i * 32));
                scale[i] = scale_of(word, call.group_scale_type == ENVDOCTOR_FLOAT16);
                zero[i] = zero_of(word);
            }
        }
    };

    template <class Of>
    DEVICE static void load(uint4 (&a)[4], unsigned block, int warp, int lane, const Of& group) {
        const unsigned own = block + warp * 128 * Bits + lane * 16;
        uint4 words = hopper::shared_uint4(own);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            if (Bits == 8 && half == 1) words = hopper::shared_uint4(own + 512);
            uint4 &first = a[half * 2], &second = a[half * 2 + 1];
            Widen<Type, Bits>::pairs(words.x, half, group.zero[0], first.x, second.x);
            Widen<Type, Bits>::pairs(words.y, half, group.zero[1], first.y, second.y);
            Widen<Type, Bits>::pairs(words.z, half, group.zero[0], first.z, second.z);
            Widen<Type, Bits>::pairs(words.w, half, group.zero[1], first.w, second.w);
        }
    }

    template <int count>
    DEVICE static void product(float (&sums)[count], const uint4& a, uint64_t rows, bool add) {
        products<Type::kIsBfloat16>(sums, a, rows, add);
    }
    DEVICE static float value(float sum) { return sum; }
};

// Weights are scaled, and rounded to the type of x, so that sums stay in flight over all of k: scales of that type.
template <class Type, int Bits>
struct ScaledCodes : CodeGroups<Type, Bits> {
    static constexpr bool kScalesSums = false;

    struct Group {
        unsigned scale[2], zero[2];

        DEVICE Group(const HopperGemm&, unsigned words, unsigned) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const unsigned word = static_cast<unsigned>(hopper::shared_int(words + i * 32));
                scale[i] = __byte_perm(word, 0, 0x1010);
                zero[i] = zero_of(word);
            }
        }
    };

    DEVICE static void load(uint4 (&a)[4], unsigned block, int warp, int lane, const Group& group) {
        CodeGroups<Type, Bits>::load(a, block, warp, lane, group);
#pragma unroll
        for (int step = 0; step < 4; ++step) {
            a[step].x = Type::multiply(a[step].x, group.scale[0]);
            a[step].y = Type::multiply(a[step].y, group.scale[1]);
            a[step].z = Type::multiply(a[step].z, group.scale[0]);
            a[step].w = Type::multiply(a[step].w, group.scale[1]);
        }
    }
};

#define KERNEL(name, weights, shape, blocks) HOPPER_KERNEL(name, weights, hopper::shape, blocks)
#define KERNELS(type, T, bits)                                                                \
    using type##bits = CodeGroups<T, bits>;                                                   \
    using scaled_##type##bits = ScaledCodes<T, bits>;                                         \
    KERNEL(gemm_w4a16_##type##bits##_rows32, scaled_##type##bits, kRows32, 4)                 \
    KERNEL(gemm_w4a16_##type##bits##_rows64, scaled_##type##bits, kRows64, 3)                 \
    KERNEL(gemm_w4a16_##type##bits##_rows128, scaled_##type##bits, kRows128, 2)               \
    KERNEL(gemm_w4a16_##type##bits##_square128, scaled_##type##bits, kSquare128, 1)           \
    KERNEL(gemm_w4a16_##type##bits##_turns64, scaled_##type##bits, kTurns64, 1)               \
    KERNEL(gemm_w4a16_##type##bits##_rows256, scaled_##type##bits, kRows256, 1)               \
    KERNEL(gemm_w4a16_##type##bits##_turns256, scaled_##type##bits, kTurns256, 1)             \
    KERNEL(gemm_w4a16_##type##bits##_sums64, type##bits, kRows64, 2)

#if __CUDA_ARCH__ == 900
KERNELS(half, HalfType, 4)
KERNELS(half, HalfType, 8)
KERNELS(bfloat, BfloatType, 4)
KERNELS(bfloat, BfloatType, 8)
#endif
