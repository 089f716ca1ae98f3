"""A CUDA toolkit root made of the vendor's wheels: plan it (pure), fetch the wheels, assemble, try it."""
