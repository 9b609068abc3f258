"""From coded samples to RGB tensors and back: YUV, RGB, HDR, scene-linear light, and the orientation of a frame."""
