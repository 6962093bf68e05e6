"""Skin lesions on photographs and dermoscopy."""
