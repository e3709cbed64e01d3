"""The pages that the public sees, and the one-click door of RFC 8058; knows the use cases, not the store."""
