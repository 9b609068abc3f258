"""Equations on tensors: warping, losses and metrics, as pure functions."""
