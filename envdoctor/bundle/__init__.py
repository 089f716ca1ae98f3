"""Bundles: wheels for machines without a network, resolved for them and proved before they travel."""
