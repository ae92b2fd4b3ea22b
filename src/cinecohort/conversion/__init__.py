"""DICOM frames to sorted 4D volumes with affine and sidecar; contours to label maps."""
