#include "llm_int8/cpu_parts.h"

const LlmInt8Cpu llm_int8_cpu_avx512vnni = LLM_INT8_PARTS;
