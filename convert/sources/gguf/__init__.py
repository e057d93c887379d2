"""GGUF files, llama.cpp's: read without trust, as named tensors and plain values."""
