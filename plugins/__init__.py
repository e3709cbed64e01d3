"""The built-in plugins: one file for each campaign tool; `gateway.plugin` says what a plugin is."""
