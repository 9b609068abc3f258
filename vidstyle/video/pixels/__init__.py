"""From coded samples to RGB tensors and back: YUV, RGB, HDR, light, and which way up a frame stands."""
