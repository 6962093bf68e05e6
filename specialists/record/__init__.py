"""`read_patient_record`: what a patient's FHIR record says."""
