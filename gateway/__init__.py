"""consentgate: an SMTP relay that lets prospecting mail out only where the law lets it."""

__version__ = "0.1.0"
