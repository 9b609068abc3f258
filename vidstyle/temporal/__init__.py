"""Cut detection, and the loop over frames that carries paintings along the motion."""
