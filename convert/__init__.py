"""What people bring to ncnn models, streaming, in bounded memory. Knows nothing of the chat."""
