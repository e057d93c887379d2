"""Matrix kernels of our own, built at run time for the CPU at hand, over weights in a mapped file.

Knows how panels lie in a file and how a decoder's fused layers compute; no ncnn, no text.
"""
