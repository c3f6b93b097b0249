"""What we remember: tables, constraints, migrations and read-only reports. This room knows neither web nor workers."""
