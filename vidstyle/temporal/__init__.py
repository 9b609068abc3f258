"""What passes from frame to frame: shots, what is carried along the motion, and the loop over frames."""
