"""Decoders for bench_models: their geometries, and how one is made for a scheme."""
