"""What descriptions of earlier programs called things, and what they didn't say. Data alone."""

from __future__ import annotations

OLD_FORMAT = "2"

_SAME = (
    *("n_kv_heads", "hidden_dim", "vocab_size", "rope_theta", "norm_eps", "tied"),
    *("weights", "block", "embedding_dtype", "embedding_offset", "weights_size"),
    *("param_size", "bin_size", "param_sha256", "bin_sha256", "source", "converter"),
)
OLD_KEYS = {key: "rope.theta" if key == "rope_theta" else key for key in _SAME}
"""The keys of the format before this one, in its order, and what they are called now."""

OLD_MODELS = {
    **{"rope.rule": "default", "rope.interleaved": "1", "rope.attention_factor": "1.0"},
    **{"rope.factor": "1.0", "rope.original_context": "0", "rope.truncate": "1"},
    **{"rope.low_freq_factor": "1.0", "rope.high_freq_factor": "4.0"},
    **{"rope.beta_fast": "32.0", "rope.beta_slow": "1.0", "rope.divisors": ""},
    **dict.fromkeys(("qkv_bias", "o_bias", "mlp_bias", "qk_norm"), "0"),
    **dict.fromkeys(("window", "no_rope_interval"), "0"),
    **{"graph_version": "1", "eight_bits": "", "template": "llama2"},
}
"""What the format before this one didn't say, for it was so in every model."""

FIRST_GRAPH = 1
"""The version of the graph that had no layers of our own, and no word of ``eight_bits``."""

FIRST_NAMES = {"q8": "b8", "q6": "b6", "q4": "b4"}
"""What ncnn's blocks were called beside the first graph, and what they are called now."""

PLAIN_GRAPHS = (2, 3)
"""The versions of the graph whose layers of our own were others; those of ncnn are as now."""
