"""Recognition: ONNX sessions in worker processes, the reading pipeline, evaluation."""
