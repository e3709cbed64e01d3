"""One file a step, `vNNNN_what.py`; a step that was released is never changed."""
