"""An answer as DICOM objects: a report, masks and marks, of the study that it is about."""
