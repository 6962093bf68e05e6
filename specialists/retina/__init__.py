"""Diabetic retinopathy on fundus photographs and OCT."""
