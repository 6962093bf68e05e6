"""An answer as a bundle of FHIR R4 resources."""
