"""Plain Python tools over one shop: catalogue, sessions, search, memory, recommender."""

import logging
import os

# Set before any library reads them: nothing here reports to anyone, and no library draws over our own progress bars.
for _name, _value in {
    "ANONYMIZED_TELEMETRY": "False",  # Chroma
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "TOKENIZERS_PARALLELISM": "true",
    "TRANSFORMERS_VERBOSITY": "error",
}.items():
    os.environ.setdefault(_name, _value)

# It complains of a faster kernel that could be downloaded, whoever imports it and whether or not anything is in 4 bits.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
