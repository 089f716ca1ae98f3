"""CUDA toolkits, host compilers, architectures."""
