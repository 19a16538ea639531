"""What a model is handed out as: a wheel, an ONNX file, a serving container's context."""
