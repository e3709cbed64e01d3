"""consentgate: an SMTP relay that lets prospecting mail out only where the law lets it."""
