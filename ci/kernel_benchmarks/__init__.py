"""What bench_kernels times: a module for each family of kernels, and how calls are timed."""
