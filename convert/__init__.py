"""llama2.c checkpoints to ncnn models, streaming, in bounded memory. Knows nothing of the chat."""
