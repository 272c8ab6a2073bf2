"""One thread at a time may load what these libraries cannot load in two.

`transformers` puts another module in its own place while it is imported, so that a second thread finds it without its
names; Chroma hands a second thread a client that was not started yet. Both happen when the first shopper comes while
the models are being loaded ahead.
"""

from __future__ import annotations

import threading

ALONE = threading.RLock()
