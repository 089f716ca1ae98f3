// Tiles of sums by AMX: see cpu_tiles.h.
#pragma once

#include "gemm_w8a8/cpu_avx512.h"

namespace {

// 64 bytes of configuration: how many rows, and bytes of a row, each of the eight tile registers has.
struct alignas(64) Configuration {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
};

// The intrinsics do not tell the compiler what they read: all of it must have been written.
inline void written(const void* memory) { __asm__ volatile("" : : "r"(memory) : "memory"); }

constexpr int64_t kDepth = 64, kTileRows = 16;  // of one tile: 16 rows of 64 k, or 16 groups of a panel
constexpr int64_t kStep = kDepth * kPanel;      // bytes of a panel that one tile of weights takes

// Tiles 0 to 3 hold sums. A configuration lasts until rows change; without one at the end, a switch of threads does not
// have to save the tiles.
template <int64_t Rows, int64_t Panels>
struct Micro : Avx512Micro {
    static constexpr int64_t kRows = Rows, kPanels = Panels, kPiece = 512;
    int64_t configured = 0;
    const uint8_t* ahead = nullptr;
    int64_t ahead_bytes = 0;  // of each KiB

    Micro() = default;
    ~Micro() { _tile_release(); }

    void configure(int64_t rows) {
        if (rows == configured) return;
        Configuration set;
        for (int64_t tile = 0; tile < 8; ++tile) set.row_bytes[tile] = kDepth, set.rows[tile] = kTileRows;
        const uint8_t first = static_cast<uint8_t>(rows < kTileRows ? rows : kTileRows);
        const uint8_t second = static_cast<uint8_t>(rows - first);
        if constexpr (Rows == kTileRows) {
            set.rows[0] = set.rows[1] = set.rows[2] = set.rows[3] = set.rows[4] = first;
        } else {
            set.rows[0] = set.rows[1] = set.rows[4] = first;
            set.rows[2] = set.rows[3] = set.rows[5] = second ? second : 1;
        }
        written(&set);
        _tile_loadconfig(&set);
        configured = rows;
    }

    // Over all rows a piece takes long enough for the next one to come into the second cache meanwhile. (Measured at
    // 4096 x 4096: 8 % at M = 128; where all rows are one tile it costs 8 %.)
    void fetch(const uint8_t* next, int64_t part, int64_t parts) {
        if (parts == 1) next = nullptr;
        ahead_bytes = round_up(ceil_div(kStep, parts), 64);
        ahead = next && part * ahead_bytes < kStep ? next + part * ahead_bytes : nullptr;
    }

    void fetch_step(int64_t at, int64_t w_panel) const {
        if (!ahead) return;
        for (int64_t panel = 0; panel < Panels; ++panel) {
            const uint8_t* from = ahead + panel * w_panel + at * kPanel;
            for (int64_t byte = 0; byte < ahead_bytes; byte += 64) _mm_prefetch(from + byte, _MM_HINT_T1);
        }
    }

    // One step of 64 k. Tall: tiles of activations 4 and 5, of weights 6 and 7. Flat: 4, and 5 to 7 in turn.
    static void step(const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t w_panel, int64_t panels) {
        if constexpr (Rows == kTileRows) {
            _tile_loadd(4, x, x_row);
            _tile_loadd(5, w, 64);
            _tile_dpbsud(0, 4, 5);
            if (panels == 1) return;
            _tile_loadd(6, w + w_panel, 64);
            _tile_dpbsud(1, 4, 6);
            if (panels == 2) return;
            _tile_loadd(7, w + 2 * w_panel, 64);
            _tile_dpbsud(2, 4, 7);
            if (panels == 3) return;
            _tile_loadd(5, w + 3 * w_panel, 64);
            _tile_dpbsud(3, 4, 5);
        } else {
            _tile_loadd(6, w, 64);
            _tile_loadd(4, x, x_row);
            _tile_dpbsud(0, 4, 6);
            if (panels > 1) {
                _tile_loadd(7, w + w_panel, 64);
                _tile_dpbsud(1, 4, 7);
            }
            if (rows <= kTileRows) return;
            _tile_loadd(5, x + kTileRows * x_row, x_row);
            _tile_dpbsud(2, 5, 6);
            if (panels > 1) _tile_dpbsud(3, 5, 7);
        }
    }

    // Where the sums of a tile lie, if that tile is in use.
    static int32_t* place(int tile, int64_t rows, int64_t panels, int32_t* sums) {
        const int64_t row = Rows == kTileRows ? 0 : tile / 2 * kTileRows, panel = Rows == kTileRows ? tile : tile % 2;
        return row < rows && panel < panels ? sums + (row * panels + panel) * kPanel : nullptr;
    }

    void sums(
        const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t w_panel, int64_t panels, int64_t k,
        bool add, int32_t* sums) {
        configure(rows);
        written(x), written(w), written(sums);
        const int64_t stride = panels * kPanel * static_cast<int64_t>(sizeof *sums);
#define FOR_EACH_TILE(what) what(0) what(1) what(2) what(3)
#define BEGIN(tile)                                                  \
    if (int32_t* at = place(tile, rows, panels, sums); at && add) { \
        _tile_loadd(tile, at, stride);                               \
    } else {                                                         \
        _tile_zero(tile);                                            \
    }
        FOR_EACH_TILE(BEGIN)
        int64_t at = 0;
        for (; at + kDepth <= k; at += kDepth) {
            fetch_step(at, w_panel);
            step(x + at, x_row, rows, w + at * kPanel, w_panel, panels);
        }
        if (at < k) last_step(x + at, x_row, rows, w + at * kPanel, w_panel, panels, k - at);
#define END(tile) \
    if (int32_t* at = place(tile, rows, panels, sums)) _tile_stored(tile, at, stride);
        FOR_EACH_TILE(END)
    }

    // Fewer than 64 k are left: behind them neither x nor w may be read.
    static void last_step(
        const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t w_panel, int64_t panels, int64_t left) {
        alignas(64) int8_t values[Rows * kDepth];
        alignas(64) uint8_t weights[Panels * kStep];
        for (int64_t row = 0; row < rows; ++row) {
            _mm512_store_si512(
                values + row * kDepth, _mm512_maskz_loadu_epi8(first_bytes(left), x + row * x_row));
        }
        for (int64_t panel = 0; panel < panels; ++panel) {
            memcpy(weights + panel * kStep, w + panel * w_panel, static_cast<size_t>(round_up(left, kGroup) * kPanel));
        }
        written(values), written(weights);
        step(values, kDepth, rows, weights, kStep, panels);
    }
};

}  // namespace
