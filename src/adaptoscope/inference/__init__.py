"""Finished networks in ONNX Runtime; nothing here knows what they compute, or how they learnt."""
