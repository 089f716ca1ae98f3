// Which instruction sets the kernels may use on this processor.
#pragma once

#include "common/api.h"

// Each level has everything that the levels below it have.
enum EnvdoctorCpuLevel : int {
    ENVDOCTOR_CPU_PORTABLE = 0,
    ENVDOCTOR_CPU_AVX2 = 1,        // AVX2 and FMA
    ENVDOCTOR_CPU_AVX512VNNI = 2,  // AVX-512 F, BW, DQ, VL and VNNI
    ENVDOCTOR_CPU_AMX = 3,         // AMX tiles of int8
};

// The highest level that the processor has and the operating system keeps the registers of.
ENVDOCTOR_API int envdoctor_cpu_level();

// Of three variants one after the other, portable, AVX2 and AVX512-VNNI: how far from the first the best one is.
int best_vectors();

// Use no level above this one from now on, as on a lesser processor: for tests and comparisons.
ENVDOCTOR_API void envdoctor_limit_cpu_level(int level);

// Ask the kernel for the tile registers of AMX, once in a process: it saves them only for those who asked. From then on
// the stack of a signal handler must be larger, so ask when they are needed. 1: they may be used.
int cpu_use_amx();

// "portable", "avx2", "avx512vnni", "amx"; null when there is no such level.
ENVDOCTOR_API const char* envdoctor_cpu_level_name(int level);
