"""CUDA toolkits, host compilers, GPU architectures."""
