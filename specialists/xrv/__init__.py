"""TorchXRayVision's DenseNet of chest films: eighteen scores."""
