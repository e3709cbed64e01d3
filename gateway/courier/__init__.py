"""Couriers carry letters to the next hop and say how it went; see `courier.courier` for the contract."""
